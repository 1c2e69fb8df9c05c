// The kernels of one instruction set: compiled once for each, with UNROLLED_ISA as its name.
// Nothing here may instantiate a function of the standard library that the linker could merge with
// the same function of another instruction set.

#include "backward.h"
#include "dispatch.h"
#include "forward.h"
#include "gru.h"
#include "lstm.h"
#include "rnn.h"

namespace unrolled {
namespace UNROLLED_ISA {

// Calls f with an object of the cell's type.
template <class F>
auto with_cell(Cell cell, F f) {
    switch (cell) {
        case Cell::rnn_tanh:
            return f(Rnn<false>{});
        case Cell::rnn_relu:
            return f(Rnn<true>{});
        case Cell::gru:
            return f(Gru{});
        default:
            return f(Lstm{});
    }
}

template <class T>
Index saved_size(const Sizes& sizes, Index S, bool projected) {
    return with_cell(sizes.cell, [&](auto cell) {
        return ForwardPass<decltype(cell), T>::saved_size(sizes, S, projected);
    });
}

template <class T>
Index packed_size(const Sizes& sizes, bool projected) {
    return with_cell(sizes.cell, [&](auto cell) {
        return ForwardPass<decltype(cell), T>::packed_size(sizes, projected);
    });
}

template <class T>
void pack(const Sizes& sizes, const Forward<T>& layer, char* to) {
    with_cell(sizes.cell,
              [&](auto cell) { ForwardPass<decltype(cell), T>::pack(sizes, layer, to); });
}

template <class T>
Index gate_size(const Sizes& sizes) {
    return with_cell(sizes.cell,
                     [&](auto cell) { return ForwardPass<decltype(cell), T>::gate_size(sizes); });
}

template <class T>
void fold(const Sizes& sizes, const char* packed, Index V, const T* x, T* to) {
    with_cell(sizes.cell, [&](auto cell) {
        ForwardPass<decltype(cell), T>::fold(sizes, packed, V, x, to);
    });
}

template <class T>
void forward(const Sizes& sizes, const Order& order, Sequence<const T> x, Sequence<T> out,
             const Forward<T>& layer, Sharing sharing, Team& team) {
    with_cell(sizes.cell, [&](auto cell) {
        ForwardPass<decltype(cell), T> pass(sizes, order, x, out, layer,
                                            {sharing.workers, sharing.by_units});
        const Scratch scratch(pass.scratch_size());
        pass.run(team, scratch.data());
    });
}

template <class T>
void backward(const Sizes& sizes, const Order& order, Sequence<const T> x,
              Sequence<const T> grad_out, Sequence<T> grad_x, bool add_to_grad_x,
              const Backward<T>& layer, Sharing sharing, Team& team) {
    with_cell(sizes.cell, [&](auto cell) {
        BackwardPass<decltype(cell), T> pass(sizes, order, x, grad_out, grad_x, add_to_grad_x,
                                             layer, {sharing.workers, sharing.by_units});
        const Scratch scratch(pass.scratch_size());
        pass.run(team, scratch.data());
    });
}

// As many independent chains of fma as keep every unit busy; float32, two operations each.
double fma_operations(long rounds) {
    using V = Vec<float>;
    V sum[12];
    for (int n = 0; n < 12; ++n) sum[n] = V::all(static_cast<float>(n));
    V a = V::all(0.9999f), b = V::all(1e-4f);
    for (long round = 0; round < rounds; ++round)
        for (int n = 0; n < 12; ++n) sum[n] = V::fma(sum[n], a, b);
    V all = sum[0];
    for (int n = 1; n < 12; ++n) all = all + sum[n];
    float first[V::width];
    all.store(first);
    // The result is used, so that no compiler leaves the loop out.
    return 2.0 * 12 * V::width * static_cast<double>(rounds) + (first[0] == -1.0f ? 1.0 : 0.0);
}

}  // namespace UNROLLED_ISA

#define UNROLLED_NAME_(isa) #isa
#define UNROLLED_NAME(isa) UNROLLED_NAME_(isa)
#define UNROLLED_SET_(isa) instruction_set_##isa
#define UNROLLED_SET(isa) UNROLLED_SET_(isa)

#define UNROLLED_CHAIN_(isa) chain_kernels_##isa
#define UNROLLED_CHAIN(isa) UNROLLED_CHAIN_(isa)

extern const ChainKernels UNROLLED_CHAIN(UNROLLED_ISA);  // chain_kernels.cpp

extern const InstructionSet UNROLLED_SET(UNROLLED_ISA);
const InstructionSet UNROLLED_SET(UNROLLED_ISA) = {
    UNROLLED_NAME(UNROLLED_ISA),
    {UNROLLED_ISA::saved_size<float>, UNROLLED_ISA::packed_size<float>, UNROLLED_ISA::pack<float>,
     UNROLLED_ISA::gate_size<float>, UNROLLED_ISA::fold<float>, UNROLLED_ISA::forward<float>,
     UNROLLED_ISA::backward<float>},
    {UNROLLED_ISA::saved_size<double>, UNROLLED_ISA::packed_size<double>,
     UNROLLED_ISA::pack<double>, UNROLLED_ISA::gate_size<double>, UNROLLED_ISA::fold<double>,
     UNROLLED_ISA::forward<double>, UNROLLED_ISA::backward<double>},
    UNROLLED_ISA::fma_operations,
    &UNROLLED_CHAIN(UNROLLED_ISA),
};

}  // namespace unrolled
