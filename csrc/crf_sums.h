// Sums over labels of a conditional random field, of powers of logarithms, in double:
//
//     to[k] = log sum_j exp(from[j] + A[j][k])
//
// Where all of A lies within `narrow_within`, this is a product with exp(A - its largest): what of
// exp(from - its largest) underflows, below e^-707, is less than e^-400 of any sum. Elsewhere each sum
// has its own largest term taken out. Rows of K numbers are filled up to `crf_columns`.
#pragma once

#include <math.h>

#include "chain_kernels.h"
#include "gates.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

// A label that cannot be, as a logarithm: far below any score, and finite when added up.
constexpr double absent = -1e300;
constexpr double narrow_within = 300;

UNROLLED_INLINE Vec<double> power(Vec<double> a) {
    using V = Vec<double>;
    const V lowest = V::all(-Expansion<double>::largest + 1);
    const Exponential<double> e = exponential<double>(V::max(lowest, a));
    return V::fma(e.power, e.part, e.power);
}

inline double largest_of(const double* a, Index columns) {
    using V = Vec<double>;
    constexpr int W = V::width;
    V most = V::load(a);
    for (Index k = W; k < columns; k += W) most = V::max(most, V::load(a + k));
    alignas(64) double lane[W];
    most.store(lane);
    double largest = lane[0];
    for (int i = 1; i < W; ++i) largest = lane[i] > largest ? lane[i] : largest;
    return largest;
}

// log sum_k exp(a[k])
inline double log_sum(const double* a, Index columns) {
    using V = Vec<double>;
    constexpr int W = V::width;
    const double largest = largest_of(a, columns);
    V total = V::zero();
    for (Index k = 0; k < columns; k += W) total = total + power(V::load(a + k) - V::all(largest));
    alignas(64) double lane[W];
    total.store(lane);
    double sum = 0;
    for (int i = 0; i < W; ++i) sum += lane[i];
    return largest + ::log(sum);
}

// A [K, K], from label j to label k.
class Transitions {
    using V = Vec<double>;
    static constexpr int W = V::width;
    static constexpr int vectors = crf_width / W;

public:
    // matrices: [2, K, columns], for `write` to fill.
    Transitions(const float* scores, Index K, double* matrices)
        : scores_(scores), K_(K), Kp_(crf_columns(K)), matrices_(matrices) {
        float least = scores[0], largest = scores[0];
        for (Index k = 1; k < K * K; ++k) {
            const float a = scores[k];
            largest = a > largest ? a : largest;
            least = a < least ? a : least;
        }
        largest_ = static_cast<double>(largest);
        narrow_ = largest_ - static_cast<double>(least) <= narrow_within;
    }

    bool narrow() const { return narrow_; }
    double largest() const { return largest_; }
    double score(Index j, Index k) const { return static_cast<double>(scores_[j * K_ + k]); }
    // A[j], or exp(A[j] - the largest of A) where A is narrow.
    const double* row(Index j) const { return matrices_ + j * Kp_; }

    // These rows of both matrices: the second is the first turned, a column of A a row.
    void write(Range rows) const {
        for (Index j = rows.begin; j < rows.end; ++j) {
            for (int turned = 0; turned < 2; ++turned) {
                double* row = matrices_ + (turned * K_ + j) * Kp_;
                for (Index k = 0; k < K_; ++k) row[k] = turned ? score(k, j) : score(j, k);
                for (Index k = K_; k < Kp_; ++k) row[k] = absent;
                if (!narrow_) continue;
                const V shift = V::all(largest_);
                for (Index k = 0; k < Kp_; k += W) power(V::load(row + k) - shift).store(row + k);
            }
        }
    }

    // As above; turned: to[j] = log sum_k exp(A[j][k] + from[k]). powers: [columns] of no meaning.
    void pass(bool turned, const double* from, double* to, double* powers) const {
        const double* matrix = matrices_ + (turned ? K_ * Kp_ : 0);
        if (narrow_) {
            const double largest = largest_of(from, Kp_);
            for (Index k = 0; k < Kp_; k += W)
                power(V::load(from + k) - V::all(largest)).store(powers + k);
            for (Index k = 0; k < Kp_; k += crf_width) sum_products(matrix + k, powers, to + k);
            for (Index k = 0; k < K_; ++k) to[k] = ::log(to[k]) + (largest + largest_);
        } else {
            for (Index k = 0; k < Kp_; k += W) sum_powers(matrix + k, from, to + k, powers + k);
            for (Index k = 0; k < K_; ++k) to[k] = ::log(to[k]) + powers[k];
        }
        for (Index k = K_; k < Kp_; ++k) to[k] = absent;
    }

private:
    const float* const scores_;
    const Index K_, Kp_;
    double* const matrices_;
    double largest_;
    bool narrow_;

    void sum_products(const double* matrix, const double* powers, double* to) const {
        V even[vectors], odd[vectors];
        for (int v = 0; v < vectors; ++v) even[v] = odd[v] = V::zero();
        Index j = 0;
        for (; j + 2 <= K_; j += 2) {
            const double* row = matrix + j * Kp_;
            for (int v = 0; v < vectors; ++v) {
                even[v] = V::fma(V::all(powers[j]), V::load(row + v * W), even[v]);
                odd[v] = V::fma(V::all(powers[j + 1]), V::load(row + Kp_ + v * W), odd[v]);
            }
        }
        if (j < K_)
            for (int v = 0; v < vectors; ++v)
                even[v] = V::fma(V::all(powers[j]), V::load(matrix + j * Kp_ + v * W), even[v]);
        for (int v = 0; v < vectors; ++v) (even[v] + odd[v]).store(to + v * W);
    }

    // One vector of sums, each with its largest term taken out.
    void sum_powers(const double* matrix, const double* from, double* to, double* largest) const {
        V most = V::all(from[0]) + V::load(matrix);
        for (Index j = 1; j < K_; ++j)
            most = V::max(most, V::all(from[j]) + V::load(matrix + j * Kp_));
        V total = V::zero();
        for (Index j = 0; j < K_; ++j)
            total = total + power(V::all(from[j]) + V::load(matrix + j * Kp_) - most);
        total.store(to);
        most.store(largest);
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
