// Whole epochs of a chain: forward, loss, backward, clipping and the optimizer's step for each batch.
#pragma once

#include "network.h"
#include "sampling.h"

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

// Symbols drawn one after the other, each read by the next step.
struct Walk {
    SamplingRule rule;
    Index end;               // drawn, it is the last
    Index count;             // draws at most
    const double* uniforms;  // [count] from [0, 1)
    Index* symbols;          // [count] result
    Index* next;  // the symbol that is to be read, or -1: the scores of the next draw are there
    float* scores;           // [K]
};

// Goes on with row 0 of the data, whose tokens are `next` alone, from the state h, c of one row to
// that in front of `next`; packed as in predict. Returns how many were drawn: fewer than asked for
// also where the next ones cannot be; if that is the first, throws std::invalid_argument.
Index walk(const Network&, const float* w, const char* packed, const Data&, float* h, float* c,
           const Walk&);

// Bytes of the weights as the kernels in use read them, and these.
Index packed_size(const Network&);
void pack(const Network&, const float* w, char* to);

// States of the last recurrent layer, [T, N, D * H], 0 where padded, of the rows of one batch.
void hidden_states(const Network&, const float* w, const Data&, const Batches&, float* h, float* c,
                   float* states, int threads);

// Writes the gradient [P] of one batch's loss and returns the loss. With a step, its dropout.
double gradient(const Network&, const float* w, const Data&, const Batches&, std::uint64_t seed,
                Index step, float* grad, int threads);

}  // namespace unrolled
