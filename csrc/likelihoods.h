// -log p of a target under a distribution, and its gradient with respect to the raw numbers o that the
// network gives for the target. s(o) = log(1 + exp(o)).
//
//     normal             mean o0, scale s(o1) + 0.001
//     student_t          mean o0, scale s(o1) + 0.001, degrees of freedom 2 + s(o2)
//     negative_binomial  mean c s(o0), shape a = s(o1) / sqrt(c), variance mean + a mean^2, at the scale
//                        c of the row (Salinas et al. 2020, arXiv 1704.04110)
//
// In double, and by forms that neither overflow nor cancel where a distribution comes near its limit:
// degrees of freedom -> infinity, a -> 0.
#pragma once

#include <math.h>

#include "chain_kernels.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Likelihood {
    double loss, gradient[3];
};

constexpr double lowest_scale = 1e-3, lowest_shape = 1e-100;
constexpr double half_log_two_pi = 0.91893853320467274178;

// s(o), its logarithm and its slope, and the slope of the logarithm.
struct Softplus {
    double value, log, slope, log_slope;
};

inline Softplus softplus(double o) {
    const double power = exp(-fabs(o));
    const double value = (o > 0 ? o : 0) + log1p(power);
    const double slope = (o >= 0 ? 1 : power) / (1 + power);
    if (o < -30) return {value, o, slope, 1};
    return {value, ::log(value), slope, slope / value};
}

// What Stirling's formula lacks: log Gamma(x) = (x - 1/2) log x - x + log(2 pi) / 2 + rest(1 / x), for
// x >= 10, and the slope of the rest.
inline double stirling_rest(double a) {
    const double b = a * a;
    return a * (1.0 / 12 -
                b * (1.0 / 360 -
                     b * (1.0 / 1260 - b * (1.0 / 1680 - b * (1.0 / 1188 - b * 691.0 / 360360)))));
}

inline double stirling_slope(double a) {
    const double b = a * a;
    return 1.0 / 12 -
           b * (1.0 / 120 - b * (1.0 / 252 - b * (1.0 / 240 - b * (1.0 / 132 - b * 691.0 / 32760))));
}

// For x > 0; NaN elsewhere. The C library's writes a variable that all threads share.
inline double log_gamma(double x) {
    if (!(x > 0)) return NAN;
    double product = 1;
    for (; x < 10; x += 1) product *= x;
    return (x - 0.5) * ::log(x) - x + half_log_two_pi + stirling_rest(1 / x) - ::log(product);
}

inline double digamma(double x) {
    if (!(x > 0)) return NAN;
    double sum = 0;
    for (; x < 10; x += 1) sum += 1 / x;
    const double a = 1 / x;
    return ::log(x) - 0.5 * a - a * a * stirling_slope(a) - sum;
}

// log Gamma(1/a + z) - log Gamma(1/a) + z log a, which tends to 0 with a, and a times its slope in a.
struct GammaRatio {
    double value, slope;
};

inline GammaRatio gamma_ratio(double z, double a) {
    const double r = 1 / a;
    if (r < 10)
        return {log_gamma(r + z) - log_gamma(r) + z * ::log(a),
                z - r * (digamma(r + z) - digamma(r))};
    const double more = 1 + a * z, power = log1p(a * z), b = a / more;
    return {(r + z - 0.5) * power - z + stirling_rest(b) - stirling_rest(a),
            z - r * power - 0.5 * a * z / more +
                a * (stirling_slope(b) / (more * more) - stirling_slope(a))};
}

inline Likelihood normal(const float* o, double t) {
    const Softplus width = softplus(static_cast<double>(o[1]));
    const double scale = width.value + lowest_scale, e = (t - static_cast<double>(o[0])) / scale;
    return {half_log_two_pi + ::log(scale) + 0.5 * e * e,
            {-e / scale, (1 - e * e) / scale * width.slope, 0}};
}

inline Likelihood student_t(const float* o, double t) {
    const Softplus width = softplus(static_cast<double>(o[1]));
    const Softplus more = softplus(static_cast<double>(o[2]));
    const double scale = width.value + lowest_scale, df = 2 + more.value;
    const double e = (t - static_cast<double>(o[0])) / scale, q = e * e / df;
    const double power = log1p(q), pull = (df + 1) / (df * (1 + q));  // of e on the mean
    const GammaRatio ratio = gamma_ratio(0.5, 2 / df);
    const double by_df = ratio.slope / df + 0.5 * (power - pull * q);
    return {half_log_two_pi - ratio.value + ::log(scale) + 0.5 * (df + 1) * power,
            {-pull * e / scale, (1 - pull * e * e) / scale * width.slope, by_df * more.slope}};
}

inline Likelihood negative_binomial(const float* o, double z, double scale) {
    const Softplus level = softplus(static_cast<double>(o[0]));
    const Softplus spread = softplus(static_cast<double>(o[1]));
    const double mean = scale * level.value, shape = spread.value / sqrt(scale);
    const double a = shape < lowest_shape ? lowest_shape : shape;
    const double more = 1 + a * mean, power = log1p(a * mean), share = (1 + a * z) / more;
    const GammaRatio ratio = gamma_ratio(z, a);
    return {log_gamma(z + 1) - ratio.value - z * (::log(scale) + level.log) + (z + 1 / a) * power,
            {share * scale * level.slope - z * level.log_slope,
             (share * mean - power / a - ratio.slope) * spread.log_slope, 0}};
}

// Of target number k of a row, y its row of targets; 0 where it is missing.
inline Likelihood likelihood(Loss kind, const float* o, const float* y, Index k) {
    const double t = static_cast<double>(y[kind == Loss::negative_binomial ? 2 * k : k]);
    if (kind == Loss::negative_binomial) {
        const double scale = static_cast<double>(y[2 * k + 1]);
        if (t != t || scale != scale) return {0, {0, 0, 0}};
        return negative_binomial(o, t, scale);
    }
    if (t != t) return {0, {0, 0, 0}};
    return kind == Loss::normal ? normal(o, t) : student_t(o, t);
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
