// What a chain needs of an instruction set beside the recurrences: dense layers, pooling, losses,
// dropout and the optimizer's step. float32; R is the number of rows that a dense layer reads.
#pragma once

#include <cstdint>

#include "layer.h"
#include "threads.h"

namespace unrolled {

enum class Activation { none = 0, relu = 1, tanh = 2 };
enum class Pooling { last = 0, mean = 1, max = 2, every = 3 };
enum class Loss {
    squared = 0,
    absolute = 1,
    huber = 2,
    quantile = 3,
    cross_entropy = 4,
    binary_cross_entropy = 5,
    crf = 6,
    normal = 7,
    student_t = 8,
    negative_binomial = 9
};
enum class Optimizer { adam = 0, adamw = 1, sgd = 2, rmsprop = 3 };

// y = phi(W x + b)
struct DenseForward {
    Index R, F, K;
    Activation activation;
    const float* w;         // [K, F]
    const float* b;         // [K]
    const float* const* x;  // R rows of F
    float* y;               // [R, K]
    const char* packed = nullptr;  // what dense_pack wrote of w and b, or null
};

struct DenseBackward {
    Index R, F, K;
    Activation activation;
    const float* w;
    const float* const* x;
    const float* y;
    const float* grad_y;   // [R, K]
    float* const* grad_x;  // R rows of F, or null: not wanted
    float* grad_w;
    float* grad_b;
};

// Which numbers are kept: element c of row r by the random number of (seed; step, site, r, c).
struct Dropout {
    float probability;  // of zero
    std::uint64_t seed;
    std::uint32_t step, site;
};

// States of the valid steps to one row, [N, F].
struct Pool {
    Pooling kind;  // mean or max
    Index N, F;
    const Index* lengths;  // [N]
    Sequence<const float> states;
    float* pooled;
};

// Of max: what of the pooled gradient goes to each state, [T, N, F]. Equal largest ones share it.
struct PoolBackward {
    Index N, F;
    const Index* lengths;
    Sequence<const float> states;
    const float* pooled;
    const float* grad_pooled;
    Sequence<float> grad_states;
};

struct Losses {
    Loss kind;
    Index R, K;
    const float* levels;  // [each] of the loss quantile
    Index each;           // outputs of a target
    Index columns;        // of y
    const float* scores;  // [R, K]
    const Index* target;  // [R] each row's row of y
    const float* y;       // [., columns] numbers, or
    const Index* classes; // [.] classes
    const float* factor;  // [R] of each row's loss in the gradient; null: no gradient
    double* loss;         // [R] 0 where all targets are missing
    float* grad;          // [R, K], may be `scores`
};

// Columns of a row of K labels' doubles: whole vectors of any instruction set.
constexpr Index crf_width = 8, crf_rows = 5;
constexpr Index crf_columns(Index K) { return (K + crf_width - 1) / crf_width * crf_width; }

struct CrfMemory {
    double* matrices;  // [2, K, columns]
    double* rows;      // [workers, crf_rows, columns]
    // For a gradient:
    double *forward, *backward;  // [R, columns]
    double* share;               // [R]
    float* less;                 // [R, K]
    double* total;               // [K, columns]
    Index* pairs;                // [R]
};

// The loss "crf" of N sequences, by their places in the order.
struct Crf {
    Index N, K;
    const Order* order;
    const float* scores;    // [R, K] by position
    const Index* target;    // [R] each position's place among
    const Index* classes;   // [.] labels, -1: any
    const Index* labelled;  // [N] steps that have a label
    const float* w;         // start [K], end [K], transition [K, K]
    const float* factor;    // [N] of each sequence's loss in the gradient
    double* loss;           // [N] 0 where no step has a label
    float* grad;            // [R, K], may be `scores`; null: no gradient
    float* grad_w;          // as w
    CrfMemory memory;
};

// One step of the optimizer at the gradient scale * g.
struct OptimizerStep {
    Optimizer kind;
    Index P;
    float* w;
    const float* g;
    float *first, *second;  // [P] its moments; sgd: momentum; rmsprop: mean square
    float scale, rate, momentum, weight_decay;
    double step;  // the number of this step, from 1
};

struct ChainKernels {
    void (*dense_forward)(const DenseForward&, Team&);
    void (*dense_backward)(const DenseBackward&, Team&);
    Index (*dense_packed_size)(Index F, Index K);  // bytes
    void (*dense_pack)(Index F, Index K, const float* w, const float* b, char* to);
    // to = from * (0 or 1 / (1 - probability)), [rows, columns]; `to` may be `from`; null: from is 1.
    void (*drop)(const Dropout&, Index rows, Index columns, const float* from, float* to, Team&);
    // Multiplies row r of [rows, columns] by row which[r], or without `which` row r % N, of
    // factors [N, columns].
    void (*scale)(Index rows, Index columns, Index N, const float* factors, const Index* which,
                  float* to, Team&);
    void (*pool)(const Pool&, Team&);
    void (*pool_backward)(const PoolBackward&, Team&);
    void (*losses)(const Losses&, Team&);
    void (*crf)(const Crf&, Team&);
    // Adds row s of `rows` [S, E], in rising order of s, to row index[s] of `total` [V, E], times
    // factors[index[s]] with factors [V].
    void (*add_rows)(Index S, Index E, const float* const* rows, const Index* index,
                     const float* factors, float* total, Team&);
    double (*sum_of_squares)(Index P, const float* g, Team&);
    void (*step)(const OptimizerStep&, Team&);
};

}  // namespace unrolled
