// The way down a tree, level by level, and what of it memory is asked for ahead.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/cache_line.h"
#include "search/chance.h"
#include "search/mcts.h"

namespace zerofleet::search {

namespace {

/// Asks for the lines of some bytes, but not for very many.
void ask_for(const void* data, std::size_t bytes) {
    const auto* first = static_cast<const std::byte*>(data);
    for (std::size_t i = 0; i < bytes && i < 16 * kCacheLine; i += kCacheLine)
        __builtin_prefetch(first + i);
}

template <class T>
void ask_for(const std::vector<T>& items) {
    ask_for(items.data(), items.size() * sizeof(T));
}

/// What selection reads of a node whose header is here.
void ask_for_edges(const Node& node) {
    ask_for(node.children, node.num_children * sizeof(Child));
    const int first = node.num_children;
    const int last = node.num_ordered == 0 ? int{node.num_edges} : first + 1;
    ask_for(node.priors() + first, static_cast<std::size_t>(last - first) * sizeof(float));
}

}  // namespace

void Mcts::prefetch(int step) const {
    switch (step) {
        case 0:
            ask_for(pending_);
            ask_for(steps_);
            if (tree_.root() != nullptr) __builtin_prefetch(tree_.root());
            gumbel_.prefetch();
            break;
        case 1:
            for (const Pending& p : pending_) __builtin_prefetch(p.leaf);
            for (const Step& s : steps_) __builtin_prefetch(s.node);
            break;
        default:
            for (const Pending& p : pending_)
                ask_for(p.leaf + 1, p.leaf->num_edges * sizeof(float));
            for (const Step& s : steps_) __builtin_prefetch(s.node->children + s.edge);
            if (const Node* root = tree_.root(); root != nullptr)
                ask_for(root->children, root->num_children * sizeof(Child));
    }
}

void Mcts::begin_walk() {
    if (!searching_ || !ready_ || started_ >= budget_ || !has_room()) return;
    walk_ = {tree_.root(), select_root(), steps_.size()};
    ask_for(state_.get(), shared_->game.info().state_bytes);
    if (walk_.edge < walk_.node->num_children)
        __builtin_prefetch(walk_.node->children[walk_.edge].node);
}

void Mcts::look_ahead() const {
    if (walk_.node != nullptr && walk_.edge < walk_.node->num_children)
        ask_for_edges(*walk_.node->children[walk_.edge].node);
}

bool Mcts::walk(MctsWorkspace& work) {
    const MctsOptions& options = shared_->options;
    Node* node = walk_.node;
    if (node == nullptr || walk_.edge >= node->num_children) return false;
    Child& child = node->children[walk_.edge];
    Node* next = child.node;
    if (next->kind == NodeKind::kPending || next->kind == NodeKind::kTerminal) return false;
    const std::uint32_t visits = child.visits + child.in_flight;
    ++child.in_flight;
    steps_.push_back({node, walk_.edge});
    walk_.node = next;
    if (next->kind == NodeKind::kChance) {
        walk_.edge = select_outcome(*next, visits);
    } else if (options.selection == Selection::kGumbel) {
        walk_.edge = select_gumbel_interior(*next, visits - 1, options, work.numbers.data());
    } else {
        const double mean = child.q();
        const Standing at{visits - 1, next->to_play == node->to_play ? mean : -mean};
        walk_.edge = select_puct(*next, at, shared_->exploration(visits - 1), options.fpu_reduction,
                                 options.virtual_loss);
    }
    if (walk_.edge < next->num_children) __builtin_prefetch(next->children[walk_.edge].node);
    return true;
}

}  // namespace zerofleet::search
