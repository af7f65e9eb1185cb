#include "search/tree.h"

#include <algorithm>
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

int find_next_edge(Node& node) {
    float* priors = node.priors();
    std::uint16_t* actions = node.actions();
    const int first = node.num_children;
    int best = first;
    std::uint64_t best_key = edge_key(node, priors[first], actions[first]);
    for (int i = first + 1; i < node.num_edges; ++i) {
        if (priors[i] < priors[best]) continue;
        const std::uint64_t key = edge_key(node, priors[i], actions[i]);
        if (key > best_key) {
            best_key = key;
            best = i;
        }
    }
    std::swap(priors[first], priors[best]);
    std::swap(actions[first], actions[best]);
    node.ordered = Ordered::kNext;
    return best;
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
