/* Reads the files of tests/golden (their README.md has the format). */
#ifndef GD_TEST_GOLDEN_H
#define GD_TEST_GOLDEN_H

#include <stdio.h>

#include "tests/core/lab.h"

enum { GOLDEN_OUT = 16 };

/* One case, its tensors as leaves of a graph of its dtype. */
struct golden {
	struct lab lab;
	char op[64], params[256];
	int line;    /* of the file, where it begins */
	bool strict; /* compare each element relative to itself */
	bool rough;  /* the two second derivatives differ by more than rounding */
	int n_in, n_out;
	struct gd_node *in[LAB_OPERANDS], *out[GOLDEN_OUT];
	struct gd_node *seed; /* of the floating results, joined (lab_join) */
	struct gd_node *grad[LAB_OPERANDS], *dir[LAB_OPERANDS], *second[LAB_OPERANDS]; /* or NULL */
	/* Of functional/: PyTorch's own, the scalar being Σ seed·out. */
	struct gd_node *jvp, *jacobian[LAB_OPERANDS], *hvp[LAB_OPERANDS];
	struct gd_node *hessian[LAB_OPERANDS][LAB_OPERANDS];
};

/* Reads the next case; golden_release it. False at the end of the file; a file that cannot be read
 * fails the test. *line counts lines, from 0 at first. */
bool golden_next(struct golden *c, FILE *file, int *line);
void golden_release(struct golden *c);

#endif
