"""Write tail_values.csv: tails of three distributions with 60 digits, computed with mpmath from their definitions.

Run the script manually (`python tests/reference/tail_values.py > tests/reference/tail_values.csv`). The tests read the
table and do not depend on mpmath.
"""

import mpmath

mpmath.mp.dps = 60


def log10_of_rho(rho, n):
    """Return the two-sided tail of Student's t with n - 2 df: the integral of the beta density up to 1 - rho^2.

    With s = x exp(-w/a), the integral of s^(a-1) (1-s)^(-1/2) from 0 to x is x^a/a times that of
    exp(-w) (1 - x exp(-w/a))^(-1/2) from 0 to infinity.
    """
    x, a = 1 - mpmath.mpf(rho) ** 2, mpmath.mpf(n - 2) / 2
    cuts = [0, 0.01, 0.1, 1, 10, 50, 200, mpmath.inf]
    rest = mpmath.quad(lambda w: mpmath.exp(-w) / mpmath.sqrt(1 - x * mpmath.exp(-w / a)), cuts)
    return (a * mpmath.log(x) - mpmath.log(a) + mpmath.log(rest / mpmath.beta(a, 0.5))) / mpmath.log(10)


def log10_of_chi_squared(x, df):
    """Return the upper tail of the chi-squared distribution, from the upper incomplete gamma function."""
    return mpmath.log10(mpmath.gammainc(mpmath.mpf(df) / 2, mpmath.mpf(x) / 2) / mpmath.gamma(mpmath.mpf(df) / 2))


def log10_of_normal(z):
    """Return the two-sided tail of the standard normal distribution."""
    return mpmath.log10(mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)))


def main():
    print("distribution,value,parameter,log10_p")
    for n in (5, 10, 40, 400, 4004, 100_000):
        for rho in ("0.01", "0.06", "0.33", "0.49", "0.55", "0.64", "0.79", "0.95", "0.999"):
            print(f"rho,{rho},{n},{mpmath.nstr(log10_of_rho(rho, n), 17)}")
    for df in (1, 2, 3):
        for x in ("0.001", "0.5", "7.8", "60", "1489", "2500", "60000"):
            print(f"chi_squared,{x},{df},{mpmath.nstr(log10_of_chi_squared(x, df), 17)}")
    for z in ("0.001", "1.96", "8", "38.4", "60", "300"):
        print(f"normal,{z},,{mpmath.nstr(log10_of_normal(z), 17)}")


if __name__ == "__main__":
    main()
