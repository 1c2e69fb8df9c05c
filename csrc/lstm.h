// Long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate of Gers et al., 2000):
//
//     i = s(W_ii x + b_ii + W_hi h + b_hi)         g = tanh(W_ig x + b_ig + W_hg h + b_hg)
//     f = s(W_if x + b_if + W_hf h + b_hf)         o = s(W_io x + b_io + W_ho h + b_ho)
//     c' = f * c + i * g                           h' = o * tanh(c')
//
// and, with a projection (Sak et al., 2014), h' = W_hr (o * tanh(c')).
//
// Backward, q = tanh(c') computed again:
//
//     do = dh' * q * o * (1 - o)                   dc' += dh' * o * (1 - q^2)
//     di = dc' * g * i * (1 - i)                   dg = dc' * i * (1 - g^2)
//     df = dc' * c * f * (1 - f)                   dc = dc' * f
//     dh = (di, df, dg, do) W_hh                   dx = (di, df, dg, do) W_ih
#pragma once

#include "gates.h"
#include "units.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Lstm {
    static constexpr int gates = 4, vectors = 1;
    static constexpr int slots = 5;  // i, f, g, o, c'
    static constexpr int blocks = 4, x_block = 0, h_block = 0;
    static constexpr int x_gates[4] = {0, 1, 2, 3}, h_gates[4] = {0, 1, 2, 3};
    static constexpr bool has_c = true, carries = false, splits_biases = false;

    // a: the sums of i, f, g, o.
    template <class T>
    static UNROLLED_INLINE void activate(T* a) {
        constexpr int W = Vec<T>::width;
        sigmoid<T>(Vec<T>::load(a)).store(a);
        sigmoid<T>(Vec<T>::load(a + W)).store(a + W);
        hyperbolic_tangent<T>(Vec<T>::load(a + 2 * W)).store(a + 2 * W);
        sigmoid<T>(Vec<T>::load(a + 3 * W)).store(a + 3 * W);
    }

    // a: i, f, g, o.
    template <class T>
    static UNROLLED_INLINE Vec<T> forward(const T* a, const Unit<T>& unit) {
        using V = Vec<T>;
        constexpr int W = V::width;
        const V i = V::load(a);
        const V f = V::load(a + W);
        const V g = V::load(a + 2 * W);
        const V o = V::load(a + 3 * W);
        const V c = V::fma(i, g, f * V::load(unit.c));
        c.store(unit.c);
        if (unit.saved) {
            unit.save(0, i);
            unit.save(1, f);
            unit.save(2, g);
            unit.save(3, o);
            unit.save(4, c);
        }
        return o * hyperbolic_tangent<T>(c);
    }

    template <class T>
    static UNROLLED_INLINE void backward(const Vec<T>& dh, const UnitBack<T>& unit, Vec<T>* da) {
        using V = Vec<T>;
        constexpr int W = V::width;
        const V one = V::all(T(1));
        const V i = V::load(unit.saved);
        const V f = V::load(unit.saved + W);
        const V g = V::load(unit.saved + 2 * W);
        const V o = V::load(unit.saved + 3 * W);
        const V q = hyperbolic_tangent<T>(V::load(unit.saved + 4 * W));
        const V through_o = dh * o;
        const V dc = V::fma(through_o, V::fnma(q, q, one), V::load(unit.dc));
        const V dc_i = dc * i;
        const V dc_f = dc * f;
        dc_f.store(unit.dc);
        da[0] = dc_i * g * (one - i);
        da[1] = dc_f * V::load(unit.c_prev) * (one - f);
        da[2] = dc_i * V::fnma(g, g, one);
        da[3] = through_o * q * (one - o);
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
