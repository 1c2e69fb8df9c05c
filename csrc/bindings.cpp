// The module unrolled._kernels: addresses and sizes in, work done, the interpreter's lock released.
//
// Memory is named by its address, as tensor.data_ptr() and array.ctypes.data give it, because wrapping
// ten arrays costs more than a small layer does. Python in front of this module (kernels/compiled.py
// for NumPy, nn/functions.py for torch) checks every shape, type and length; nothing else calls it.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "bindings.h"
#include "dispatch.h"
#include "lending.h"

namespace nb = nanobind;
using namespace unrolled;

namespace {

std::size_t directions_of(const nb::tuple& items, std::size_t each) {
    if (items.size() == 0 || items.size() % each != 0)
        throw std::invalid_argument("directions holds " + std::to_string(items.size()) +
                                    " numbers, but must hold " + std::to_string(each) +
                                    " for each direction.");
    return items.size() / each;
}

Sizes sizes_of(int cell, Index T, Index N, Index C, Index H, Index P, int threads) {
    if (cell < 0 || cell > 3 || T < 1 || N < 1 || C < 0 || H < 1 || P < 1)
        throw std::invalid_argument("cell must be 0 to 3, C at least 0, and T, N, H, P at least 1.");
    return {static_cast<Cell>(cell), T, N, C, H, P, threads};
}

void check_item(int item) {
    if (item != 4 && item != 8)
        throw std::invalid_argument("item is " + std::to_string(item) + ", but must be 4 or 8.");
}

template <class T>
void forward_of(const Sizes& sizes, Address x, Index x_step, Index x_row, Address lengths,
                Address out, Index out_step, Index out_row, const nb::tuple& numbers) {
    std::vector<Forward<T>> directions(directions_of(numbers, 11));
    Reader read(numbers);
    for (Forward<T>& d : directions) {
        d.reverse = read.number() != 0;
        d.w_ih = read.address<const T>();
        d.w_hh = read.address<const T>();
        d.b_ih = read.address<const T>();
        d.b_hh = read.address<const T>();
        d.w_hr = read.address<const T>();
        d.h0 = read.address<const T>();
        d.c0 = read.address<const T>();
        d.h_n = read.address<T>();
        d.c_n = read.address<T>();
        d.saved = read.address<T>();
    }
    nb::gil_scoped_release release;
    layer_forward<T>(sizes, reinterpret_cast<const Index*>(lengths),
                     {reinterpret_cast<const T*>(x), x_step, x_row},
                     {reinterpret_cast<T*>(out), out_step, out_row}, directions);
}

template <class T>
void backward_of(const Sizes& sizes, Address x, Index x_step, Index x_row, Address lengths,
                 Address grad_out, Index g_step, Index g_row, Address grad_x, Index gx_step,
                 Index gx_row, const nb::tuple& numbers) {
    std::vector<Backward<T>> directions(directions_of(numbers, 16));
    Reader read(numbers);
    for (Backward<T>& d : directions) {
        d.reverse = read.number() != 0;
        d.w_ih = read.address<const T>();
        d.w_hh = read.address<const T>();
        d.w_hr = read.address<const T>();
        d.h0 = read.address<const T>();
        d.c0 = read.address<const T>();
        d.saved = read.address<const T>();
        d.grad_h_n = read.address<const T>();
        d.grad_c_n = read.address<const T>();
        d.grad_w_ih = read.address<T>();
        d.grad_w_hh = read.address<T>();
        d.grad_b_ih = read.address<T>();
        d.grad_b_hh = read.address<T>();
        d.grad_w_hr = read.address<T>();
        d.grad_h0 = read.address<T>();
        d.grad_c0 = read.address<T>();
    }
    nb::gil_scoped_release release;
    layer_backward<T>(sizes, reinterpret_cast<const Index*>(lengths),
                      {reinterpret_cast<const T*>(x), x_step, x_row},
                      {reinterpret_cast<const T*>(grad_out), g_step, g_row},
                      {reinterpret_cast<T*>(grad_x), gx_step, gx_row}, directions);
}

// `count` elements as an array of NumPy that gives its memory back when it goes.
template <class T>
nb::object lent(Index count) {
    void* const memory = lend(count * Index(sizeof(T)));
    const nb::capsule owner(memory, [](void* lent) noexcept { give_back(lent); });
    const std::size_t shape[1] = {static_cast<std::size_t>(count)};
    return nb::cast(nb::ndarray<nb::numpy, T>(memory, 1, shape, owner));
}

}  // namespace

NB_MODULE(_kernels, m) {
    // INTERFACE of kernels/engine.py: one more with each change of a function's arguments.
    m.attr("INTERFACE") = 7;
    bind_chain(m);
    m.def(
        "saved_size",
        [](int cell, int item, Index S, Index H, Index P, bool projected) {
            check_item(item);
            const Sizes sizes = sizes_of(cell, 1, 1, 1, H, P, 1);
            return item == 4 ? kernels<float>().saved_size(sizes, S, projected || P != H)
                             : kernels<double>().saved_size(sizes, S, projected || P != H);
        },
        nb::arg("cell"), nb::arg("item"), nb::arg("S"), nb::arg("H"), nb::arg("P"),
        nb::arg("projected") = false);
    m.def("forward", [](int cell, int item, Index T, Index N, Index C, Index H, Index P, int threads,
                        Address x, Index x_step, Index x_row, Address lengths, Address out,
                        Index out_step, Index out_row, const nb::tuple& directions) {
        check_item(item);
        const Sizes sizes = sizes_of(cell, T, N, C, H, P, threads);
        (item == 4 ? forward_of<float> : forward_of<double>)(sizes, x, x_step, x_row, lengths, out,
                                                             out_step, out_row, directions);
    });
    m.def("backward", [](int cell, int item, Index T, Index N, Index C, Index H, Index P,
                         int threads, Address x, Index x_step, Index x_row, Address lengths,
                         Address grad_out, Index g_step, Index g_row, Address grad_x, Index gx_step,
                         Index gx_row, const nb::tuple& directions) {
        check_item(item);
        const Sizes sizes = sizes_of(cell, T, N, C, H, P, threads);
        (item == 4 ? backward_of<float> : backward_of<double>)(
            sizes, x, x_step, x_row, lengths, grad_out, g_step, g_row, grad_x, gx_step, gx_row,
            directions);
    });
    m.def("lend", [](Index count, int item) {
        check_item(item);
        if (count < 1) throw std::invalid_argument("lend needs at least one element.");
        return item == 4 ? lent<float>(count) : lent<double>(count);
    });
    m.def("idle_memory", [] { return idle_memory(); });
    m.def("threads_for", [](int cell, int item, Index T, Index N, Index C, Index H, Index P,
                            int threads, bool backward) {
        check_item(item);
        return sharing(sizes_of(cell, T, N, C, H, P, threads), T * N, backward, item).workers;
    });
    m.def("share_openmp", [] { return share_openmp(); });
    m.def("simd", [] { return std::string(instruction_set().name); });
    m.def("simd_available", [] {
        std::vector<std::string> names;
        for (const InstructionSet* set : instruction_sets()) names.emplace_back(set->name);
        return names;
    });
    m.def("use_simd", [](const std::string& name) {
        if (!use_instruction_set(name.c_str()))
            throw std::invalid_argument("this processor has no '" + name + "'.");
    });
    m.def("use_division", [](const std::string& name) {
        if (name != "auto" && name != "rows" && name != "units")
            throw std::invalid_argument("division is '" + name +
                                        "', but must be 'auto', 'rows' or 'units'.");
        use_division(name == "rows"    ? unrolled::Division::rows
                     : name == "units" ? unrolled::Division::units
                                       : unrolled::Division::automatic);
    });
    m.def("poison_scratch", [](bool on) { Scratch::poison(on); });
    m.def("fma_peak", [](int threads, double seconds) {
        nb::gil_scoped_release release;
        using Clock = std::chrono::steady_clock;
        struct Job {
            double seconds;
            double gflops[most_threads];
        } job{seconds, {}};
        Team team(threads, threads);
        team.run(
            [](void* context, int worker) {
                Job& shared = *static_cast<Job*>(context);
                const auto start = Clock::now();
                double operations = 0, elapsed = 0;
                do {
                    operations += instruction_set().fma_operations(100000);
                    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
                } while (elapsed < shared.seconds);
                shared.gflops[worker] = operations / elapsed * 1e-9;
            },
            &job);
        double total = 0;
        for (int w = 0; w < team.size(); ++w) total += job.gflops[w];
        return total;
    });
}
