/* Elementary functions that libm lacks, or keeps in a global variable. All compute in
 * double, within a few ulp of the function at the very x given; float kernels round once more. */
#ifndef GD_SPECIAL_H
#define GD_SPECIAL_H

/* ln |Γ(x)|; +∞ at 0, -1, -2 … (libm's lgamma writes to a global) */
double gd_lgamma_of(double x);

/* ψ(x) = Γ'(x)/Γ(x); ∓∞ at ±0, NaN at -1, -2 … */
double gd_digamma_of(double x);

/* ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹·n!·ζ(n+1, x), n ≥ 0 an integer; for n ≥ 1 ±∞ at 0, -1, -2 … */
double gd_polygamma_of(double n, double x);

/* The x' with erf(x') = x; ±∞ at ±1, NaN beyond. */
double gd_erfinv_of(double x);

/* The derivative of sinc, (cos πx - sinc x)/x, without its cancellation near 0. */
double gd_sinc_slope_of(double x);

/* a·ln b, but 0 where a is 0 and b is no NaN. */
double gd_xlogy_of(double a, double b);

/* ⌊a/b⌋ and a - b·⌊a/b⌋, of the sign of b, as Python's // and %. */
double gd_floor_div_of(double a, double b);
double gd_remainder_of(double a, double b);

#endif
