#include "search/tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace zerofleet::search {

std::size_t largest_block(const GameInfo& info) {
    const int actions = std::max(info.num_actions, info.max_chance_outcomes);
    if (actions > kMaxTreeActions)
        throw std::invalid_argument(info.spec + " has " + std::to_string(actions) +
                                    " actions; tree search takes games with at most " +
                                    std::to_string(kMaxTreeActions));
    const auto edges = static_cast<std::size_t>(info.max_choices());
    return std::max(Node::bytes(edges), edges * sizeof(Child)) + 16;
}

void order_edges(Node& node, float* parallel) {
    // Another look at all edges costs several times as much as a longer list.
    constexpr int kMost = 4;
    struct Best {
        std::uint64_t key;
        int position;
    };
    std::array<Best, kMost + 1> best;  // falling; the last one falls out
    float* priors = node.priors();
    std::uint16_t* actions = node.actions();
    const int first = node.num_children;
    int count = 0;
    float least = 0.0f;  // that still has a place
    for (int i = first; i < node.num_edges; ++i) {
        if (priors[i] < least) continue;
        const Best found{edge_key(node, priors[i], actions[i]), i};
        int at = count;
        for (; at > 0 && found.key > best[static_cast<std::size_t>(at - 1)].key; --at)
            best[static_cast<std::size_t>(at)] = best[static_cast<std::size_t>(at - 1)];
        best[static_cast<std::size_t>(at)] = found;
        if (count < kMost) ++count;
        if (count == kMost) least = priors[best[kMost - 1].position];
    }
    for (int i = 0; i < count; ++i) {
        const int to = first + i, from = best[static_cast<std::size_t>(i)].position;
        std::swap(priors[to], priors[from]);
        std::swap(actions[to], actions[from]);
        if (parallel != nullptr) std::swap(parallel[to], parallel[from]);
        // What was there has moved.
        for (int j = i + 1; j < count; ++j)
            if (best[static_cast<std::size_t>(j)].position == to)
                best[static_cast<std::size_t>(j)].position = from;
    }
    node.num_ordered = static_cast<std::uint16_t>(count);
}

Node* Tree::add(NodeKind kind, std::int8_t to_play, std::span<const Action> actions) {
    Node* node = static_cast<Node*>(arena_.allocate(Node::bytes(actions.size())));
    *node = {};
    node->num_edges = static_cast<std::uint16_t>(actions.size());
    node->kind = kind;
    node->to_play = to_play;
    std::uint16_t* out = node->actions();
    for (std::size_t i = 0; i < actions.size(); ++i)
        out[i] = static_cast<std::uint16_t>(actions[i]);
    ++num_nodes_;
    return node;
}

void Tree::grow(Node& node) {
    // 2, 4, 8, ...: a node is visited a few times or very often.
    const int capacity =
        std::min<int>(node.num_edges, std::max(2, 2 * static_cast<int>(node.capacity)));
    auto* children =
        static_cast<Child*>(arena_.allocate(static_cast<std::size_t>(capacity) * sizeof(Child)));
    std::copy_n(node.children, node.num_children, children);
    node.children = children;
    node.capacity = static_cast<std::uint16_t>(capacity);
}

Node* Tree::copy(const Node& node) {
    const std::size_t bytes = Node::bytes(node.num_edges);
    Node* to = static_cast<Node*>(arena_.allocate(bytes));
    std::memcpy(static_cast<void*>(to), &node, bytes);
    ++num_nodes_;
    to->capacity = node.num_children;
    to->children = nullptr;
    if (node.num_children > 0) {
        to->children =
            static_cast<Child*>(arena_.allocate(std::size_t{node.num_children} * sizeof(Child)));
        std::copy_n(node.children, node.num_children, to->children);
    }
    return to;
}

void Tree::prune_to(const Node* node) {
    // The old blocks live until everything kept is copied to new ones.
    Arena old = std::exchange(arena_, Arena(arena_.memory()));
    num_nodes_ = 0;
    root_ = copy(*node);
    std::vector<Node*> open = {root_};
    while (!open.empty()) {
        Node* from = open.back();
        open.pop_back();
        for (int i = 0; i < from->num_children; ++i) {
            Child& child = from->children[i];
            child.node = copy(*child.node);
            if (child.node->num_children > 0) open.push_back(child.node);
        }
    }
}

}  // namespace zerofleet::search
