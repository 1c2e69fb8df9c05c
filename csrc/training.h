// Whole epochs of a chain: forward, loss, backward, clipping and the optimizer's step for each batch.
#pragma once

#include "network.h"

namespace unrolled {

struct Training {
    Optimizer optimizer;
    float momentum, weight_decay;
    double clip_norm;  // infinite: off
    std::uint64_t seed;
    double step;                // steps before
    const double* rates;        // [batches] learning rates
    float *first, *second;      // [P] the optimizer's moments
    float *h, *c;               // [L * D, N, H] carried from batch to batch, or null
    double *losses, *norms;     // [batches] results
    Index* counts;              // [batches] rows that had a target
};

// Trains w [P] in place and returns how many batches were done: all, or those before the first whose
// loss or gradient is not finite. Throws std::invalid_argument before any work.
Index train(const Network&, float* w, const Data&, const Batches&, const Training&, int threads);

struct Evaluation {
    double sum, weight;
};

// The sum of weight * loss, and that of the weights, over all batches; h and c as in training.
Evaluation evaluate(const Network&, const float* w, const Data&, const Batches&, float* h, float* c,
                    int threads);

// Raw outputs of some rows: [N, K], or, of every step, row after row, step by step; h and c as in
// training; packed: what `pack` wrote of these w, or null.
void predict(const Network&, const float* w, const char* packed, const Data&, const Batches&,
             float* h, float* c, float* outputs, int threads);

// Bytes of the recurrent stack's weights as the kernels in use read them, and these.
Index packed_size(const Network&);
void pack(const Network&, const float* w, char* to);

// States of the last recurrent layer, [T, N, D * H], 0 where padded, of the rows of one batch.
void hidden_states(const Network&, const float* w, const Data&, const Batches&, float* h, float* c,
                   float* states, int threads);

// Writes the gradient [P] of one batch's loss and returns the loss. With a step, its dropout.
double gradient(const Network&, const float* w, const Data&, const Batches&, std::uint64_t seed,
                Index step, float* grad, int threads);

}  // namespace unrolled
