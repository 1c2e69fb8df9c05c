// What a call of the kernels is about: sizes, the memory of the caller, the order of the rows.
//
// Letters: T time steps, N rows (sequences), C inputs, H hidden units, P outputs (H, or the size of
// the projection), G gates, D directions, S valid steps of all rows together.
// The memory belongs to the caller and is named by its shape; a null pointer means absent.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unrolled {

using Index = std::ptrdiff_t;
static_assert(sizeof(Index) == sizeof(std::int64_t), "lengths come as 64-bit integers");

enum class Cell { rnn_tanh = 0, rnn_relu = 1, gru = 2, lstm = 3 };

struct Sizes {
    Cell cell;
    Index T, N, C, H, P;
    int threads;  // at most so many
};

// A matrix [T, N, columns] whose columns are contiguous.
template <class T>
struct Sequence {
    T* data;
    Index step, row;  // elements from a step to the next, from a row to the next
};

// One direction of a layer, forward.
template <class T>
struct Forward {
    bool reverse;
    const T* w_ih;  // [G*H, C]
    const T* w_hh;  // [G*H, P]
    const T* b_ih;  // [G*H] or null
    const T* b_hh;  // [G*H] or null
    const T* w_hr;  // [P, H] or null
    const T* h0;    // [N, P] or null: zeros
    const T* c0;    // [N, H] or null: zeros
    T* h_n;         // [N, P]
    T* c_n;         // [N, H], lstm only
    T* saved;       // [saved_size] or null: inference
    const char* packed = nullptr;  // [packed_size] bytes of the weights and biases above, or null
    bool folded = false;           // x is [T, N, gate_size]: rows of what `fold` has written
};

// One direction of a layer, backward; a gradient that is null is not wanted or, of h_n and c_n, zero.
template <class T>
struct Backward {
    bool reverse;
    const T* w_ih;
    const T* w_hh;
    const T* w_hr;
    const T* h0;
    const T* c0;
    const T* saved;
    const T* grad_h_n;  // [N, P]
    const T* grad_c_n;  // [N, H]
    T* grad_w_ih;       // each as what it is the gradient of
    T* grad_w_hh;
    T* grad_b_ih;
    T* grad_b_hh;
    T* grad_w_hr;
    T* grad_h0;
    T* grad_c0;
};

// The rows in falling order of length, so that the rows that have a step j are the first active[j].
// Steps are counted as the recurrence takes them: step j of row n is time j, or length - 1 - j in
// reverse. "Position" s = first[j] + i numbers the valid steps; all inner memory is ordered by it.
struct Order {
    const Index* row;     // [N] the row at each place i
    const Index* length;  // [N] its length, falling with i
    const Index* active;  // [T + 1] rows that have step j; active[T] = 0
    const Index* first;   // [T + 1] position of place 0 at step j; first[T] = S
    Index steps;          // the greatest length
    bool ragged;

    Index time(Index i, Index j, bool reverse) const { return reverse ? length[i] - 1 - j : j; }
};

}  // namespace unrolled
