// The kernels of each instruction set, and the choice among them.
#pragma once

#include <vector>

#include "layer.h"
#include "threads.h"

namespace unrolled {

// Scratch memory of the calling thread, kept for the next call unless it is large.
class Scratch {
public:
    explicit Scratch(Index size);  // bytes; throws std::bad_alloc
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    char* data() const { return data_; }

    // For tests: whether all scratch memory is NaN before it is used.
    static void poison(bool on);
    static bool poisoned();

private:
    char* data_;
};

// Asks the system for large pages: filling 40 MB for the first time costs 10,000 page faults else.
void prefer_large_pages(void* data, Index bytes);

// How many threads share a layer, and whether each has its rows or its units.
struct Sharing {
    int workers;
    bool by_units;
};

template <class T>
struct Kernels {
    Index (*saved_size)(const Sizes&, Index S, bool projected);
    Index (*packed_size)(const Sizes&, bool projected);  // bytes
    void (*pack)(const Sizes&, const Forward<T>&, char* to);
    Index (*gate_size)(const Sizes&);
    // What each of V inputs x [V, C] adds to the gates, the biases too, [V, gate_size].
    void (*fold)(const Sizes&, const char* packed, Index V, const T* x, T* to);
    void (*forward)(const Sizes&, const Order&, Sequence<const T> x, Sequence<T> out,
                    const Forward<T>&, Sharing, Team&);
    void (*backward)(const Sizes&, const Order&, Sequence<const T> x, Sequence<const T> grad_out,
                     Sequence<T> grad_x, bool add_to_grad_x, const Backward<T>&, Sharing, Team&);
};

struct ChainKernels;

struct InstructionSet {
    const char* name;
    Kernels<float> single_precision;
    Kernels<double> double_precision;
    double (*fma_operations)(long rounds);  // runs products in registers; returns how many
    const ChainKernels* chain;
};

// Those that this processor has, best first.
const std::vector<const InstructionSet*>& instruction_sets();

const InstructionSet& instruction_set();               // the one in use
bool use_instruction_set(const char* name);            // false: there is no such one here

template <class T>
const Kernels<T>& kernels();

// For tests: share every layer in one way, however small it is.
enum class Division { automatic, rows, units };
void use_division(Division);

// A whole layer: all its directions, one after the other; by lengths [N] (null: all T), or by an order
// that is at hand already.
template <class T>
void layer_forward(const Sizes&, const Index* lengths, Sequence<const T> x, Sequence<T> out,
                   const std::vector<Forward<T>>& directions);
template <class T>
void layer_backward(const Sizes&, const Index* lengths, Sequence<const T> x,
                    Sequence<const T> grad_out, Sequence<T> grad_x,
                    const std::vector<Backward<T>>& directions);

template <class T>
void layer_forward(const Sizes&, const Order&, Sequence<const T> x, Sequence<T> out,
                   const Forward<T>* directions, Index count);
template <class T>
void layer_backward(const Sizes&, const Order&, Sequence<const T> x, Sequence<const T> grad_out,
                    Sequence<T> grad_x, const Backward<T>* directions, Index count);

// How the threads would share a layer of S valid steps; item: bytes of an element.
Sharing sharing(const Sizes&, Index S, bool backward, Index item);

}  // namespace unrolled
