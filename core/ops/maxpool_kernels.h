/* The largest element of each window, for one type; included once for each with T and K(name)
 * defined. x is one row; a window holds first, first + step, … below end along each axis. */

/* The first of the largest; as in PyTorch, the last of the NaNs. */
static void K(max_index)(const struct windows *m, const T *x, int64_t *index)
{
	for (int64_t d = 0; d < m->out[0]; d++)
		for (int64_t h = 0; h < m->out[1]; h++)
			for (int64_t w = 0; w < m->out[2]; w++) {
				int64_t a = m->first[2][w], b = m->end[2][w], best = -1;
				T most = 0;
				for (int64_t i = m->first[0][d]; i < m->end[0][d]; i += m->step[0])
					for (int64_t j = m->first[1][h]; j < m->end[1][h];
					     j += m->step[1]) {
						int64_t line = (i * m->in[1] + j) * m->in[2];
						if (best < 0) {
							best = line + a;
							most = x[best];
						}
						for (int64_t k = line + a; k < line + b;
						     k += m->step[2]) {
							T v = x[k];
							bool more = v > most || v != v;
							most = more ? v : most;
							best = more ? k : best;
						}
					}
				*index++ = best;
			}
}

static void K(max_ties)(const struct windows *m, const T *x, const int64_t *index, uint8_t *ties)
{
	for (int64_t d = 0; d < m->out[0]; d++)
		for (int64_t h = 0; h < m->out[1]; h++)
			for (int64_t w = 0; w < m->out[2]; w++) {
				int64_t a = m->first[2][w], b = m->end[2][w];
				T most = x[*index++];
				size_t equal = 0;
				for (int64_t i = m->first[0][d]; i < m->end[0][d]; i += m->step[0])
					for (int64_t j = m->first[1][h]; j < m->end[1][h];
					     j += m->step[1]) {
						int64_t line = (i * m->in[1] + j) * m->in[2];
						for (int64_t k = line + a; k < line + b;
						     k += m->step[2])
							equal += x[k] == most;
					}
				*ties++ = equal > 1;
			}
}
