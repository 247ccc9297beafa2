/* core/arena: what it gives is aligned, distinct and kept; the cap holds; blocks are reused. */
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "tests/support/test.h"

enum { MIB = 1 << 20 };

static void fill(void *p, size_t n, unsigned seed)
{
	unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		b[i] = (unsigned char)(seed + i * 7);
}

static void check_fill(const void *p, size_t n, unsigned seed)
{
	const unsigned char *b = p;

	size_t changed = 0;

	for (size_t i = 0; i < n; i++)
		changed += b[i] != (unsigned char)(seed + i * 7);
	ck_assert_msg(changed == 0, "%zu of %zu bytes changed", changed, n);
}

START_TEST(nothing_is_held_at_first)
{
	struct gd_arena a;

	gd_arena_init(&a, MIB);
	ck_assert_uint_eq(a.held, 0);
	gd_arena_release(&a);
	gd_arena_release(&a); /* harmless */
}
END_TEST

START_TEST(small_allocations)
{
	enum { N = 3000 };
	struct gd_arena a;
	unsigned char *p[N];

	gd_arena_init(&a, 64 * MIB);
	for (size_t i = 0; i < N; i++) {
		p[i] = gd_alloc(&a, i % 257);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
		fill(p[i], i % 257, (unsigned)i);
	}
	for (size_t i = 0; i < N; i++)
		check_fill(p[i], i % 257, (unsigned)i);
	ck_assert_uint_ge(a.held, 128 * N);
	ck_assert_uint_lt(a.held, 4 * 128 * N);
	ck_assert_int_eq(a.failed, GD_OK);
	gd_arena_release(&a);
	ck_assert_uint_eq(a.held, 0);
}
END_TEST

START_TEST(large_allocations_leave_the_chunk_in_use)
{
	struct gd_arena a;

	gd_arena_init(&a, 64 * MIB);
	char *first = gd_alloc(&a, 16);
	char *big = gd_alloc_zero(&a, 3 * MIB);
	char *second = gd_alloc(&a, 16);

	ck_assert_ptr_nonnull(big);
	for (size_t i = 0; i < 3 * MIB; i += 4096)
		ck_assert_int_eq(big[i], 0);
	ck_assert(second - first >= 16 && second - first <= 64);
	gd_arena_release(&a);
}
END_TEST

START_TEST(texts)
{
	struct gd_arena a;

	gd_arena_init(&a, MIB);
	ck_assert_str_eq(gd_strndup(&a, "hello world", 5), "hello");
	ck_assert_str_eq(gd_strndup(&a, NULL, 0), "");
	gd_arena_release(&a);
}
END_TEST

START_TEST(overflows_are_limit_exceeded)
{
	struct gd_arena a;

	gd_arena_init(&a, SIZE_MAX);
	ck_assert_ptr_null(gd_alloc_array(&a, SIZE_MAX / 2, 3));
	ck_assert_int_eq(a.failed, GD_ERR_limit_exceeded);
	a.failed = GD_OK;
	ck_assert_ptr_null(gd_alloc(&a, SIZE_MAX));
	ck_assert_int_eq(a.failed, GD_ERR_limit_exceeded);
	ck_assert_ptr_null(gd_alloc(&a, SIZE_MAX - 15));
	ck_assert_ptr_null(gd_data_alloc(&a, SIZE_MAX - 63));
	ck_assert_ptr_null(gd_data_alloc(&a, PTRDIFF_MAX));
	ck_assert_ptr_null(gd_strndup(&a, "", SIZE_MAX));
	gd_arena_release(&a);
}
END_TEST

START_TEST(the_cap_holds)
{
	struct gd_arena a;
	struct gd_error e;

	gd_arena_init(&a, 5 * MIB);
	ck_assert_ptr_null(gd_data_alloc(&a, 6 * MIB));
	ck_assert_int_eq(a.failed, GD_ERR_limit_exceeded);
	gd_error_clear(&e);
	ck_assert(!gd_arena_fail(&a, &e));
	ck_assert_int_eq(e.code, GD_ERR_limit_exceeded);
	ck_assert_ptr_nonnull(strstr(e.detail, "5 MiB"));

	int n = 0;

	for (; gd_alloc(&a, 1000); n++)
		ck_assert_uint_le(a.held, a.cap);
	ck_assert_int_gt(n, 5000);
	ck_assert_int_lt(n, 5 * MIB / 1000);
	gd_arena_release(&a);

	/* A cap below the first chunk's regular size is no obstacle. */
	gd_arena_init(&a, 1000);
	ck_assert_ptr_nonnull(gd_alloc(&a, 500));
	ck_assert_ptr_null(gd_alloc(&a, 500));
	gd_error_clear(&e);
	gd_arena_fail(&a, &e);
	ck_assert_ptr_nonnull(strstr(e.detail, "1000 bytes"));
	gd_arena_release(&a);
}
END_TEST

START_TEST(out_of_memory_is_an_error_of_its_own)
{
	struct gd_arena a;
	struct gd_error e;

	gd_arena_init(&a, SIZE_MAX);
	ck_assert_ptr_null(gd_data_alloc(&a, (size_t)1 << 60));
	ck_assert_int_eq(a.failed, GD_ERR_out_of_memory);
	gd_error_clear(&e);
	gd_arena_fail(&a, &e);
	ck_assert_int_eq(e.code, GD_ERR_out_of_memory);
	gd_arena_release(&a);
}
END_TEST

START_TEST(given_back_blocks_are_reused)
{
	struct gd_arena a;

	gd_arena_init(&a, 64 * MIB);
	for (size_t size = 1; size < 8 * MIB; size = size * 3 + 1) {
		void *p = gd_data_alloc(&a, size);

		ck_assert_uint_eq((uintptr_t)p % 64, 0);
		memset(p, 1, size);
		gd_data_free(&a, p, size);
		ck_assert_ptr_eq(gd_data_alloc(&a, size), p);
	}
	gd_arena_release(&a);
	gd_data_free(&a, NULL, 5);
}
END_TEST

START_TEST(large_cached_blocks_are_split_and_grown)
{
	struct gd_arena a;

	gd_arena_init(&a, 64 * MIB);
	void *p = gd_data_alloc(&a, 8 * MIB);
	size_t held = a.held;

	gd_data_free(&a, p, 8 * MIB);

	char *half = gd_data_alloc(&a, 3 * MIB);
	char *rest = gd_data_alloc(&a, 4 * MIB);

	ck_assert_uint_eq(a.held, held); /* both from the one of 8 MiB */
	memset(half, 1, 3 * MIB);
	memset(rest, 2, 4 * MIB);
	ck_assert_int_eq(half[3 * MIB - 1], 1);
	gd_data_free(&a, half, 3 * MIB);

	char *grown = gd_data_alloc(&a, 20 * MIB);

	memset(grown, 3, 20 * MIB);
	ck_assert_uint_lt(a.held, 26 * MIB); /* 20 + 4 and what was cached besides */
	ck_assert_int_eq(rest[0], 2);
	gd_arena_release(&a);
}
END_TEST

START_TEST(cached_blocks_give_way_to_the_cap)
{
	struct gd_arena a;

	gd_arena_init(&a, 10 * MIB);
	void *p = gd_data_alloc(&a, 4 * MIB), *q = gd_data_alloc(&a, 4 * MIB);

	gd_data_free(&a, p, 4 * MIB);
	gd_data_free(&a, q, 4 * MIB);
	ck_assert_ptr_nonnull(gd_data_alloc(&a, 9 * MIB));
	ck_assert_uint_le(a.held, 10 * MIB);
	ck_assert_uint_le(a.peak, 10 * MIB);
	gd_arena_release(&a);

	gd_arena_init(&a, 10 * MIB);
	p = gd_data_alloc(&a, 8 * MIB);
	gd_data_free(&a, p, 8 * MIB);
	ck_assert_ptr_nonnull(gd_alloc(&a, 4 * MIB)); /* a chunk too */
	gd_arena_release(&a);
}
END_TEST

/* Every way from one size to another: within a class, across classes, to a mapping and back. */
START_TEST(resize_keeps_the_contents)
{
	static const size_t sizes[] = {0,     1,     64,      65,      1000,    32768,
	                               32769, 40000, MIB + 1, 3 * MIB, 4 * MIB, 20};
	enum { N = sizeof sizes / sizeof *sizes };
	struct gd_arena a;

	gd_arena_init(&a, 64 * MIB);
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < N; j++) {
			size_t old = sizes[i], size = sizes[j];
			void *p = gd_data_alloc(&a, old);

			if ((i + j) % 2)
				gd_alloc(&a, 1); /* so that it is not the newest */
			fill(p, old, 5);
			p = gd_data_resize(&a, p, old, size);
			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((uintptr_t)p % 64, 0);
			check_fill(p, old < size ? old : size, 5);
			fill(p, size, 6);
			gd_data_free(&a, p, size);
		}
	}
	ck_assert_ptr_nonnull(gd_data_resize(&a, NULL, 0, 100));
	gd_arena_release(&a);
}
END_TEST

START_TEST(failed_resize_leaves_the_block)
{
	struct gd_arena a;

	gd_arena_init(&a, 3 * MIB);
	void *p = gd_data_alloc(&a, 2 * MIB);

	fill(p, 2 * MIB, 9);
	ck_assert_ptr_null(gd_data_resize(&a, p, 2 * MIB, 4 * MIB));
	ck_assert_int_eq(a.failed, GD_ERR_limit_exceeded);
	check_fill(p, 2 * MIB, 9);
	p = gd_data_resize(&a, p, 2 * MIB, 100000);
	check_fill(p, 100000, 9);
	ck_assert_uint_lt(a.held, 200000);

	void *q = gd_data_alloc(&a, 100);

	fill(q, 100, 3);
	ck_assert_ptr_null(gd_data_resize(&a, q, 100, 4 * MIB));
	check_fill(q, 100, 3);
	gd_arena_release(&a);
}
END_TEST

/* What one arena leaves the next one takes, unless it was trimmed; neither sees more than it asked
 * for, and the cap holds for what is taken too. */
START_TEST(blocks_outlive_their_arena)
{
	static const size_t sizes[] = {40000, 100000, MIB, 2 * MIB, 5 * MIB, 8 * MIB, 40 * MIB};
	enum { N = sizeof sizes / sizeof *sizes };
	struct gd_arena a;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			for (int j = 0; j < N; j++) {
				gd_arena_init(&a, sizes[i] + sizes[j] + MIB / 4);
				char *p = gd_data_alloc(&a, sizes[i]);
				char *q = gd_data_alloc(&a, sizes[j]);

				ck_assert(p && q);
				p[0] = p[sizes[i] - 1] = 1;
				q[0] = q[sizes[j] - 1] = 2;
				ck_assert_int_eq(p[0] + p[sizes[i] - 1], 2);
				ck_assert_uint_le(a.held, a.cap);
				gd_arena_release(&a);
			}
		}
		gd_arena_trim();
		ck_assert(!gd_arena_trim());
	}
}
END_TEST

/* As the scanner does it: twice as large each time, then as large as it came to be. */
START_TEST(growing_step_by_step)
{
	struct gd_arena a;

	for (int round = 0; round < 2; round++) {
		gd_arena_init(&a, 200 * MIB);
		for (int tensor = 0; tensor < 3; tensor++) {
			size_t size = 64;
			unsigned char *p = gd_data_alloc(&a, size);

			fill(p, size, 5);
			for (; size < 5 * MIB; size *= 2) {
				p = gd_data_resize(&a, p, size, 2 * size);
				ck_assert_ptr_nonnull(p);
				memset(p + size, 7, size);
			}
			p = gd_data_resize(&a, p, size, size / 2 + 1000);
			check_fill(p, 64, 5);
			for (size_t i = 64; i < size / 2 + 1000; i += 64)
				ck_assert(p[i] == 7);
		}
		ck_assert_uint_le(a.held, 50 * MIB);
		gd_arena_release(&a);
	}
}
END_TEST

/* Blocks of all sizes come and go; none overlaps another. */
START_TEST(random_traffic)
{
	enum { SLOTS = 40 };
	struct gd_arena a;
	struct {
		unsigned char *p;
		size_t size;
	} slot[SLOTS] = {{NULL, 0}};
	uint64_t state = 1;

	gd_arena_init(&a, 256 * MIB);
	for (int step = 0; step < 4000; step++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		unsigned r = (unsigned)(state >> 33);
		int i = (int)(r % SLOTS);
		size_t size = (size_t)1 << (r / SLOTS % 20);

		size += (state >> 13) % size;
		if (slot[i].p) {
			check_fill(slot[i].p, slot[i].size < 64 ? slot[i].size : 64, (unsigned)i);
			ck_assert_int_eq(slot[i].p[slot[i].size - 1], 17 + i);
		}
		if (slot[i].p && r % 3) {
			gd_data_free(&a, slot[i].p, slot[i].size);
			slot[i].p = NULL;
			continue;
		}
		slot[i].p = gd_data_resize(&a, slot[i].p, slot[i].size, size + 65);
		slot[i].size = size + 65;
		fill(slot[i].p, 64, (unsigned)i);
		slot[i].p[slot[i].size - 1] = (unsigned char)(17 + i);
	}
	gd_arena_release(&a);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("arena");
	TCase *t = tcase_create("arena");

	tcase_add_test(t, nothing_is_held_at_first);
	tcase_add_test(t, small_allocations);
	tcase_add_test(t, large_allocations_leave_the_chunk_in_use);
	tcase_add_test(t, texts);
	tcase_add_test(t, overflows_are_limit_exceeded);
	tcase_add_test(t, the_cap_holds);
	tcase_add_test(t, out_of_memory_is_an_error_of_its_own);
	tcase_add_test(t, given_back_blocks_are_reused);
	tcase_add_test(t, large_cached_blocks_are_split_and_grown);
	tcase_add_test(t, cached_blocks_give_way_to_the_cap);
	tcase_add_test(t, resize_keeps_the_contents);
	tcase_add_test(t, failed_resize_leaves_the_block);
	tcase_add_test(t, blocks_outlive_their_arena);
	tcase_add_test(t, growing_step_by_step);
	tcase_add_test(t, random_traffic);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
