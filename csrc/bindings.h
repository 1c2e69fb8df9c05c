// What the parts of the module unrolled._kernels share.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

namespace unrolled {

using Address = std::intptr_t;

// Reads the integers of a tuple one after the other as numbers, addresses or flags.
class Reader {
public:
    explicit Reader(const nanobind::tuple& items) : items_(items) {}

    Address number() { return nanobind::cast<Address>(items_[at_++]); }
    template <class T>
    T* address() {
        return reinterpret_cast<T*>(number());
    }

private:
    const nanobind::tuple& items_;
    std::size_t at_ = 0;
};

void bind_chain(nanobind::module_& m);

}  // namespace unrolled
