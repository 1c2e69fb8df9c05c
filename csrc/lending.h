// Large memory that is lent and comes back, to be lent again without new pages.
#pragma once

#include "layer.h"

namespace unrolled {

// What comes back is kept up to this many bytes, the rest is freed.
constexpr Index most_kept_bytes = Index(256) << 20;

// Memory of at least so many bytes on a cache line of its own; throws std::bad_alloc.
void* lend(Index bytes);
void give_back(void* memory) noexcept;

Index idle_memory();  // bytes that are kept and no one has now

}  // namespace unrolled
