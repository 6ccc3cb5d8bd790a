#include "net/block.h"

#include <utility>
#include <vector>

namespace latchkey {

namespace {

constexpr std::size_t most_kept = 16;  // of a thread: 2.1 MB

std::vector<std::unique_ptr<char[]>>& stock() {
    thread_local std::vector<std::unique_ptr<char[]>> blocks;
    return blocks;
}

}  // namespace

Block::Block() {
    auto& blocks = stock();
    if (blocks.empty()) {
        memory_.reset(new char[front + size]);
        return;
    }
    memory_ = std::move(blocks.back());
    blocks.pop_back();
}

Block::~Block() {
    auto& blocks = stock();
    if (blocks.size() < most_kept) blocks.push_back(std::move(memory_));
}

}  // namespace latchkey
