/* Runs the instructions of a group of elementwise nodes, block by block. */
#include <stdatomic.h>
#include <string.h>

#include "core/eval.h"
#include "core/group.h"
#include "core/parallel.h"

enum { SCRATCH = GD_MAX_SLOTS * GD_BLOCK_STEP * 8 };

/* n elements of `size` bytes, `step` apart. */
static void copy(char *to, const char *from, size_t n, size_t step, size_t size)
{
	if (step == 1) {
		memcpy(to, from, n * size);
		return;
	}
#define COPY(T)                                                                                    \
	do {                                                                                       \
		T *y = (T *)to;                                                                    \
		const T *x = (const T *)from;                                                      \
		for (size_t i = 0; i < n; i++)                                                     \
			y[i] = x[i * step];                                                        \
	} while (0)
	if (size == 8)
		COPY(uint64_t);
	else if (size == 4)
		COPY(uint32_t);
	else
		COPY(uint8_t);
#undef COPY
}

/* Elements begin … begin + n of the spread. */
static void spread(const struct gd_spread *s, char *to, size_t begin, size_t n)
{
	size_t size = gd_dtype_size(s->read.root->dtype), at[GD_MAX_RANK], offset = 0, rest = begin;
	const char *from = s->read.root->data;
	int inner = s->rank - 1;
	for (int i = inner; i >= 0; i--) {
		at[i] = rest % s->extent[i];
		rest /= s->extent[i];
		offset += at[i] * s->stride[i];
	}
	while (n) {
		size_t run = s->extent[inner] - at[inner];
		run = run < n ? run : n;
		copy(to, from + offset * size, run, s->stride[inner], size);
		to += run * size;
		n -= run;
		offset -= at[inner] * s->stride[inner];
		at[inner] = 0;
		for (int i = inner - 1; i >= 0; i--) {
			offset += s->stride[i];
			if (++at[i] < s->extent[i])
				break;
			offset -= at[i] * s->stride[i];
			at[i] = 0;
		}
	}
}

struct scratch {
	_Alignas(64) char bytes[SCRATCH];
};

static char *place(const struct gd_group *group, struct scratch *scratch, const struct gd_place *p,
                   size_t begin)
{
	if (!p->array)
		return scratch->bytes + (size_t)p->slot * group->block * group->width;
	return (char *)p->array->data + (p->one ? 0 : begin * gd_dtype_size(p->array->dtype));
}

struct task {
	const struct gd_group *group;
	atomic_bool nonfinite; /* a node that is to be checked is not finite */
};

/* Elements begin … end of every node. */
static void run_range(void *context, size_t begin, size_t end)
{
	struct task *task = context;
	const struct gd_group *group = task->group;
	struct scratch scratch;
	bool nonfinite = false;
	for (; begin < end; begin += group->block) {
		size_t n = end - begin < group->block ? end - begin : group->block;
		for (int i = 0; i < group->n; i++) {
			const struct gd_instruction *x = &group->instructions[i];
			char *out = place(group, &scratch, &x->out, begin);
			const void *in[3];
			size_t step[3];
			if (!x->node) {
				spread(x->spread, out, begin, n);
				continue;
			}
			for (int k = 0; k < x->node->n_in; k++) {
				in[k] = place(group, &scratch, &x->in[k], begin);
				step[k] = !x->in[k].one;
			}
			x->node->prim->block(x->node, n, out, in, step);
			if (x->node->check && !nonfinite)
				nonfinite = !gd_finite_run(x->node->dtype, out, n);
		}
	}
	if (nonfinite)
		atomic_store_explicit(&task->nonfinite, true, memory_order_relaxed);
}

/* As few elements of one instruction are computed before another thread has woken. */
enum { WORTH_A_THREAD = 1 << 15 };

void gd_group_run(struct gd_sweep *run, const struct gd_group *group)
{
	struct task task = {.group = group};
	size_t grain = WORTH_A_THREAD / (size_t)group->n / group->block * group->block;
	gd_parallel_for(group->count, grain ? grain : group->block, run_range, &task);
	run->nonfinite = run->nonfinite || task.nonfinite;
}
