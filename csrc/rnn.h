// The simple recurrent network (Elman, 1990):
//
//     h' = phi(W_ih x + b_ih + W_hh h + b_hh),    phi = tanh or relu
//
// Backward, with the derivative in terms of the output:
//
//     da = dh' * (1 - h'^2)    or    da = dh' where h' > 0, else 0
#pragma once

#include "gates.h"
#include "units.h"

namespace unrolled {
namespace UNROLLED_ISA {

template <bool relu>
struct Rnn {
    static constexpr int gates = 1, vectors = 2;  // a forward panel: 2 vectors of units
    static constexpr int slots = 0;
    static constexpr int blocks = 1, x_block = 0, h_block = 0;
    static constexpr int x_gates[1] = {0}, h_gates[1] = {0};
    static constexpr bool has_c = false, carries = false, splits_biases = false;

    // The sums of one row and panel become what the equations need of them, in their place.
    template <class T>
    static UNROLLED_INLINE void activate(T* a) {
        using V = Vec<T>;
        for (int v = 0; v < vectors; ++v) {
            const V sum = V::load(a + v * V::width);
            // Of max, the second argument is the one that a NaN comes through.
            (relu ? V::max(V::zero(), sum) : hyperbolic_tangent<T>(sum)).store(a + v * V::width);
        }
    }

    template <class T>
    static UNROLLED_INLINE Vec<T> forward(const T* h, const Unit<T>&) {
        return Vec<T>::load(h);
    }

    template <class T>
    static UNROLLED_INLINE void backward(const Vec<T>& dh, const UnitBack<T>& unit, Vec<T>* da) {
        using V = Vec<T>;
        const V h = V::load(unit.h);
        if constexpr (relu) {
            da[0] = V::where_positive(h, dh);
        } else {
            da[0] = dh * V::fnma(h, h, V::all(T(1)));
        }
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
