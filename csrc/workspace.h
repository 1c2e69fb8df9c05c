// How a call's work and scratch memory are divided.
#pragma once

#include "matmul.h"

namespace unrolled {
namespace UNROLLED_ISA {

// Scratch memory, handed out from its beginning to its end, each piece on a cache line of its own.
// Without a base it only counts, so that one function says both how much is needed and what it is for.
class Arena {
public:
    explicit Arena(char* base) : base_(base) {}

    template <class T>
    T* take(Index count) {
        const Index at = size_;
        size_ += rounded_up(count * static_cast<Index>(sizeof(T)), 64);
        return base_ ? reinterpret_cast<T*>(base_ + at) : nullptr;
    }
    Index size() const { return size_; }

private:
    char* base_;
    Index size_ = 0;
};

struct Range {
    Index begin, end;
};

// Part `worker` of `size` nearly equal parts of 0 ... count.
inline Range share(Index count, int worker, int size) {
    return {count * worker / size, count * (worker + 1) / size};
}

// The rows of one worker: places first, first + stride, ... of the order.
struct Places {
    Index first, stride, count;

    Index operator[](Index k) const { return first + k * stride; }

    // How many of them are among the first `active` places.
    Index among(Index active) const {
        return active <= first ? 0 : least(count, parts(active - first, stride));
    }
};

// How the threads share a layer. By rows no thread ever waits within a sequence. By units, for few
// rows or weights that one core's cache does not hold, each has its own panels of all products and
// they meet after every step.
struct Partition {
    int workers;
    bool by_units;

    Places places(const Order& order, Index N, int worker) const {
        if (by_units) return {0, 1, N};
        if (order.ragged) return {worker, workers, parts(greatest(0, N - worker), workers)};
        const Range range = share(N, worker, workers);
        return {range.begin, 1, range.end - range.begin};
    }

    Range panels(Index count, int worker) const {
        return by_units ? share(count, worker, workers) : Range{0, count};
    }
};

// The sizes of a layer in vectors.
template <class CellKind, class T>
struct Shape {
    static constexpr int W = Vec<T>::width;
    static constexpr Index gate_columns = CellKind::gates * CellKind::vectors * W;

    Index H, P, C;
    Index Hp, Pp;         // H and P in whole panels of two vectors
    Index unit_vectors;   // vectors of hidden units
    Index gate_panels;    // forward panels of gates
    Index hidden_panels;  // plain panels of hidden units
    Index state_panels;   // plain panels of outputs
    Index input_panels;   // plain panels of inputs
    bool projected;

    Shape(const Sizes& sizes, bool is_projected)
        : H(sizes.H), P(sizes.P), C(sizes.C), Hp(rounded_up(H, 2 * W)), Pp(rounded_up(P, 2 * W)),
          unit_vectors(parts(H, W)), gate_panels(parts(H, CellKind::vectors * W)),
          hidden_panels(Hp / (2 * W)), state_panels(Pp / (2 * W)), input_panels(parts(C, 2 * W)),
          projected(is_projected) {}
};

// What forward leaves for backward: one block of memory. The states are rows by position; the gates
// are in the order in which both passes go through them, step by step, vector by vector, row by row.
template <class CellKind, class T>
struct Saved {
    Index states, gates, raw, size;  // where each part begins

    Saved(const Shape<CellKind, T>& shape, Index S) {
        states = 0;                                                         // [S, Pp]
        gates = states + S * shape.Pp;                                      // [step, vectors, rows, slots, W]
        raw = gates + S * shape.unit_vectors * CellKind::slots * shape.W;   // [S, Hp] if projected
        size = raw + (shape.projected ? S * shape.Hp : 0);
    }
};

// The gates of place i at step j in a given vector of units, within Saved::gates.
template <class CellKind, class T>
UNROLLED_INLINE Index gates_at(const Shape<CellKind, T>& shape, const Order& order, Index i, Index j,
                               Index vector) {
    return (order.first[j] * shape.unit_vectors + vector * order.active[j] + i) *
           (CellKind::slots * Shape<CellKind, T>::W);
}

// Copies rows [columns] in the order of places into to [padded / width, N, width]: panels of `width`
// columns, or with width = padded plain rows. What is not given is zero.
template <class T>
void copy_states(const T* from, Index columns, Index padded, Index width, const Order& order,
                 Index N, Range places, T* to) {
    for (Index i = places.begin; i < places.end; ++i) {
        const T* row = from ? from + order.row[i] * columns : nullptr;
        for (Index c = 0; c < padded; c += width) {
            T* panel = to + (c * N) + i * width;
            const Index given = row ? greatest(0, least(width, columns - c)) : 0;
            for (Index n = 0; n < given; ++n) panel[n] = row[c + n];
            for (Index n = given; n < width; ++n) panel[n] = 0;
        }
    }
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
