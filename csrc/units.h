// What the equations of a cell see of one row and one vector of units.
#pragma once

#include "simd.h"

namespace unrolled {
namespace UNROLLED_ISA {

// Forward. Each pointer is to `width` elements, the vector of units in question.
template <class T>
struct Unit {
    const T* a_x;     // gru: W_in x + b_in, the input's part of the candidate
    const T* h_prev;  // the state before the step
    T* c;             // lstm: the cell state, replaced
    T* saved;         // [slots, width] for backward, or null: inference
    bool aligned;     // whether `saved` is on a boundary of a vector

    // Backward reads a whole sequence later: the cache is for what is needed sooner.
    UNROLLED_INLINE void save(int slot, Vec<T> value) const {
        T* to = saved + slot * Vec<T>::width;
        if (aligned) {
            value.stream(to);
        } else {
            value.store(to);
        }
    }
};

// Backward.
template <class T>
struct UnitBack {
    const T* saved;   // [slots, width] as forward left it
    const T* h;       // the state after the step
    const T* h_prev;  // the state before it
    const T* c_prev;  // lstm: the cell state before it
    T* carry;         // gru: the part of dh that bypasses the product, replaced
    T* dc;            // lstm: the gradient of the cell state, replaced
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
