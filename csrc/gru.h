// The gated recurrent unit, its reset gate after the product (as in torch and cuDNN):
//
//     r  = s(W_ir x + b_ir + W_hr h + b_hr)
//     z  = s(W_iz x + b_iz + W_hz h + b_hz)
//     m  = W_hn h + b_hn
//     n  = tanh(W_in x + b_in + r * m)
//     h' = (1 - z) * n + z * h = n + z * (h - n)
//
// Backward:
//
//     dn = dh' * (1 - z) * (1 - n^2)         dz = dh' * (h - n) * z * (1 - z)
//     dr = dn * m * r * (1 - r)              dm = dn * r
//     dh = dh' * z + (dr, dz, dm) W_hh       dx = (dr, dz, dn) W_ih
//
// The four are kept in the order n, r, z, m: the first three go to x, the last three to h.
#pragma once

#include "gates.h"
#include "units.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Gru {
    static constexpr int gates = 3, vectors = 1;
    static constexpr int slots = 4;  // r, z, n, m
    static constexpr int blocks = 4, x_block = 0, h_block = 1;
    static constexpr int x_gates[3] = {2, 0, 1}, h_gates[3] = {0, 1, 2};
    static constexpr bool has_c = false, carries = true, splits_biases = true;

    // a: the sums of r and z, and m.
    template <class T>
    static UNROLLED_INLINE void activate(T* a) {
        constexpr int W = Vec<T>::width;
        sigmoid<T>(Vec<T>::load(a)).store(a);
        sigmoid<T>(Vec<T>::load(a + W)).store(a + W);
    }

    // a: r, z, m.
    template <class T>
    static UNROLLED_INLINE Vec<T> forward(const T* a, const Unit<T>& unit) {
        using V = Vec<T>;
        constexpr int W = V::width;
        const V r = V::load(a);
        const V z = V::load(a + W);
        const V m = V::load(a + 2 * W);
        const V n = hyperbolic_tangent<T>(V::fma(r, m, V::load(unit.a_x)));
        if (unit.saved) {
            unit.save(0, r);
            unit.save(1, z);
            unit.save(2, n);
            unit.save(3, m);
        }
        return V::fma(z, V::load(unit.h_prev) - n, n);
    }

    template <class T>
    static UNROLLED_INLINE void backward(const Vec<T>& dh, const UnitBack<T>& unit, Vec<T>* da) {
        using V = Vec<T>;
        constexpr int W = V::width;
        const V one = V::all(T(1));
        const V r = V::load(unit.saved);
        const V z = V::load(unit.saved + W);
        const V n = V::load(unit.saved + 2 * W);
        const V m = V::load(unit.saved + 3 * W);
        const V through_z = dh * z;
        const V dn = (dh - through_z) * V::fnma(n, n, one);
        const V dz = through_z * (V::load(unit.h_prev) - n) * (one - z);
        const V dm = dn * r;
        const V dr = dm * m * (one - r);
        through_z.store(unit.carry);
        da[0] = dn;
        da[1] = dr;
        da[2] = dz;
        da[3] = dm;
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
