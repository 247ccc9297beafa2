// The least that a /grad of a linear layer with mse can cost: std::from_chars over the text of the
// request, y = x·W + b, dx = dy·Wᵀ, dW = xᵀ·dy, db = column sums of dy, dragonbox over the results.
// All memory is there and touched before the clock starts; nothing is checked.
//
//   floor FILE ROWS IN OUT COUNT [OUT_FILE]   a line a run: seconds in all, parse, compute, print
//   floor gemm N COUNT                        the best GFLOP/s of y = x·W, and the kernel's name
//
// FILE is what gen_request makes: x, W, b, target in this order, and no digit in any name.
#include <cblas.h>
#include <dragonbox/dragonbox_to_chars.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" char *openblas_get_corename(void);
extern "C" int openblas_get_num_threads(void);

static double now()
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
	        .count();
}

static void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c)
{
	cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, n);
}

struct layer {
	int rows, in, out;
	std::vector<double> x, w, b, target, dy, dx, dw, db;
	double loss;

	layer(int r, int i, int o)
	    : rows(r), in(i), out(o), x(std::size_t(r) * i), w(std::size_t(i) * o), b(o),
	      target(std::size_t(r) * o), dy(target), dx(x), dw(w), db(b), loss(0)
	{
	}

	void compute()
	{
		double *y = dy.data(), sum = 0, scale = 2.0 / (double(rows) * out);

		for (int i = 0; i < rows; i++)
			std::memcpy(y + std::size_t(i) * out, b.data(), sizeof(double) * out);
		gemm(CblasNoTrans, CblasNoTrans, rows, out, in, x.data(), in, w.data(), out, 1, y);
		std::fill(db.begin(), db.end(), 0.0);
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < out; j++) {
				std::size_t at = std::size_t(i) * out + j;
				double d = y[at] - target[at];
				sum += d * d;
				y[at] = scale * d;
				db[j] += y[at];
			}
		loss = sum / (double(rows) * out);
		gemm(CblasNoTrans, CblasTrans, rows, in, out, y, out, w.data(), out, 0, dx.data());
		gemm(CblasTrans, CblasNoTrans, in, out, rows, x.data(), in, y, out, 0, dw.data());
	}
};

static const char *parse(const char *p, const char *end, std::vector<double> &to)
{
	for (double &value : to) {
		while (p < end && *p != '-' && (*p < '0' || *p > '9'))
			p++;
		p = std::from_chars(p, end, value).ptr;
	}
	return p;
}

static char *text(char *p, const char *s)
{
	std::size_t n = std::strlen(s);
	std::memcpy(p, s, n);
	return p + n;
}

static char *print(char *p, const double *from, int n)
{
	*p++ = '[';
	for (int i = 0; i < n; i++) {
		p = jkj::dragonbox::to_chars_n(from[i], p);
		*p++ = ',';
	}
	p[-1] = ']';
	return p;
}

static char *print(char *p, const double *from, int rows, int columns)
{
	*p++ = '[';
	for (int i = 0; i < rows; i++) {
		p = print(p, from + std::size_t(i) * columns, columns);
		*p++ = ',';
	}
	p[-1] = ']';
	return p;
}

static char *answer(char *p, const layer &l)
{
	p = jkj::dragonbox::to_chars_n(l.loss, text(p, "{\"loss\":"));
	p = print(text(p, ",\"gradients\":{\"x\":"), l.dx.data(), l.rows, l.in);
	p = print(text(p, ",\"W\":"), l.dw.data(), l.in, l.out);
	p = print(text(p, ",\"b\":"), l.db.data(), l.out);
	return text(p, "}}");
}

static std::vector<char> read_file(const char *path)
{
	std::vector<char> bytes;
	char block[1 << 16];
	std::size_t n;
	FILE *f = std::fopen(path, "r");

	if (!f) {
		std::perror(path);
		std::exit(1);
	}
	while ((n = std::fread(block, 1, sizeof block, f)) > 0)
		bytes.insert(bytes.end(), block, block + n);
	std::fclose(f);
	return bytes;
}

static int run(const char *path, layer &l, int count, const char *out)
{
	constexpr std::size_t longest =
	        jkj::dragonbox::max_output_string_length<jkj::dragonbox::ieee754_binary64>;
	std::vector<char> in = read_file(path);
	std::size_t numbers = l.x.size() + l.w.size() + l.b.size() + 1;
	std::vector<char> to(numbers * (longest + 1) + std::size_t(l.rows + l.in) * 2 + 256, ' ');
	char *end = to.data();

	l.compute(); // OpenBLAS makes its threads and buffers at the first call
	for (int i = 0; i < count; i++) {
		double t0 = now();
		const char *p = in.data(), *stop = p + in.size();
		for (std::vector<double> *v : {&l.x, &l.w, &l.b, &l.target})
			p = parse(p, stop, *v);
		double t1 = now();
		l.compute();
		double t2 = now();
		end = answer(to.data(), l);
		double t3 = now();
		std::printf("%.9f %.9f %.9f %.9f\n", t3 - t0, t1 - t0, t2 - t1, t3 - t2);
	}
	if (!out)
		return 0;
	FILE *f = std::fopen(out, "w");
	if (!f || std::fwrite(to.data(), 1, end - to.data(), f) != std::size_t(end - to.data()) ||
	    std::fclose(f)) {
		std::perror(out);
		return 1;
	}
	return 0;
}

static int speed(int n, int count)
{
	std::vector<double> a(std::size_t(n) * n, 1.0 / 3), b(a), c(a);
	double best = 0;

	for (int i = 0; i <= count; i++) {
		double t = now();
		gemm(CblasNoTrans, CblasNoTrans, n, n, n, a.data(), n, b.data(), n, 0, c.data());
		double rate = 2e-9 * n * n * n / (now() - t);
		if (i > 0 && rate > best)
			best = rate;
	}
	std::printf("%.1f %s %d\n", best, openblas_get_corename(), openblas_get_num_threads());
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !std::strcmp(argv[1], "gemm"))
		return speed(std::atoi(argv[2]), std::atoi(argv[3]));
	if (argc == 6 || argc == 7) {
		layer l(std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]));
		return run(argv[1], l, std::atoi(argv[5]), argv[6]);
	}
	std::fprintf(stderr,
	             "usage: floor FILE ROWS IN OUT COUNT [OUT_FILE] | floor gemm N COUNT\n");
	return 2;
}
