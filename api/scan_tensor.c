#include <string.h>

#include "api/number.h"
#include "api/scan_internal.h"

/* --- begin and end --- */

static bool add_lifted(struct gd_scan *s)
{
	if (s->lifted_count == s->limits->tensors)
		return scan_fail_at(s, 0, GD_ERR_limit_exceeded,
		                    "a request may have %zu tensors, but this one has more",
		                    s->limits->tensors);
	if (s->lifted_count == s->lifted_room) {
		size_t room = s->lifted_room ? 2 * s->lifted_room : 6;
		struct gd_lifted *more = gd_data_resize(
		        s->arena, s->lifted, s->lifted_room * sizeof *more, room * sizeof *more);

		if (!more)
			return scan_fail_arena(s);
		s->lifted = more;
		s->lifted_room = room;
	}
	s->lifted_count++;
	return true;
}

bool scan_tensor_begin(struct gd_scan *s, bool is_base64)
{
	if (!add_lifted(s))
		return false;

	struct gd_lifted *now = scan_current(s);
	bool float32 = s->own_dtype == DTYPE_FLOAT32 ||
	               (s->own_dtype == DTYPE_UNKNOWN && s->dtype == DTYPE_FLOAT32);

	if (s->place == PLACE_TENSOR)
		float32 = s->dtype == DTYPE_FLOAT32;
	/* One by one: they are few, and the shape need not be cleared. */
	now->tensor.data = NULL;
	now->is_base64 = is_base64;
	now->all_integers = !is_base64;
	now->exact = NULL;
	now->exact_count = now->exact_room = 0;
	now->too_large_for_float32 = 0;
	now->tensor.dtype = is_base64 ? GD_BOOL : float32 ? GD_FLOAT32 : GD_FLOAT64;
	s->in_tensor = true;
	s->cells = CELLS_UNKNOWN;
	s->level = 0;
	s->rank = -1;
	s->n = s->data_room = s->row_start = 0;
	s->base64 = (struct gd_base64){0};
	return true;
}

bool scan_tensor_end(struct gd_scan *s)
{
	struct gd_tensor *t = &scan_current(s)->tensor;
	size_t size = scan_size(t->dtype);
	void *data = gd_data_resize(s->arena, t->data, s->data_room * size, s->n * size);
	char index[GD_NUMBER_MAX];

	if (!data)
		return scan_fail_arena(s);
	t->data = data;
	t->count = s->n;
	t->rank = s->rank;
	s->in_tensor = false;
	s->level = 0;
	scan_value_done(s);
	return scan_emit(s, index, gd_write_int64(index, (int64_t)s->lifted_count - 1));
}

bool scan_grow(struct gd_scan *s, size_t least, size_t most)
{
	struct gd_tensor *t = &scan_current(s)->tensor;
	size_t size = scan_size(t->dtype), room, bytes;

	if (__builtin_mul_overflow(s->data_room, 2, &room))
		room = most;
	if (room < 64 / size)
		room = 64 / size;
	if (room < least)
		room = least;
	if (room > most)
		room = most;
	if (room <= s->data_room)
		return scan_fail_at(s, 0, GD_ERR_limit_exceeded,
		                    "a tensor may have %zu elements, but this one has more",
		                    s->limits->elements);
	if (__builtin_mul_overflow(room, size, &bytes))
		bytes = SIZE_MAX;

	void *data = gd_data_resize(s->arena, t->data, s->data_room * size, bytes);

	if (!data)
		return scan_fail_arena(s);
	t->data = data;
	s->data_room = room;
	return true;
}

/* --- rows --- */

bool scan_ragged(struct gd_scan *s, const char *what)
{
	if (s->level > 0 && s->rank == s->level && scan_current(s)->tensor.shape[s->level - 1] == 0)
		return scan_fail_at(s, s->level - 1, GD_ERR_ragged_array,
		                    "this row holds rows, but the rows before it are empty");
	return scan_fail_at(s, s->level, GD_ERR_ragged_array,
	                    "%s stands here, but the elements before it are %s", what,
	                    s->level < s->rank ? "rows" : "no rows");
}

bool scan_row_open(struct gd_scan *s)
{
	if (s->rank >= 0 && s->level >= s->rank)
		return scan_ragged(s, "a row");
	if (s->level == GD_USER_RANK)
		return scan_fail_at(s, 0, GD_ERR_limit_exceeded,
		                    "a tensor may have %d axes, but here rows are nested deeper",
		                    GD_USER_RANK);
	if (scan_too_deep(s))
		return false;
	if (s->rank < 0)
		scan_current(s)->tensor.shape[s->level] = -1;
	s->seen[s->level++] = 0;
	s->row_start = s->n;
	s->state = WANT_FIRST_CELL;
	return true;
}

bool scan_row_close(struct gd_scan *s)
{
	if (s->rank < 0)
		s->rank = s->level;

	int axis = s->level - 1;
	int64_t *shape = &scan_current(s)->tensor.shape[axis];
	int64_t length = s->level == s->rank ? (int64_t)(s->n - s->row_start) : s->seen[axis];

	if (*shape < 0) {
		*shape = length;
	} else if (*shape != length) {
		return scan_fail_at(s, axis, GD_ERR_ragged_array,
		                    "this row has %lld element%s, but the rows before it have %lld",
		                    (long long)length, length == 1 ? "" : "s", (long long)*shape);
	}
	s->level = axis;
	if (axis == 0)
		return scan_tensor_end(s);
	s->seen[axis - 1]++;
	s->state = WANT_CELL_COMMA;
	return true;
}
