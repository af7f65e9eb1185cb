// The search tree: nodes, edges, and the order in which edges are first visited.
//
// A node is one block. Its edges are the legal actions (or the outcomes of a chance node), and
//
//   Node     | header | prior f32 [num_edges] | action u16 [num_edges] |
//   children | Child [capacity] |            another block, from the first visit of an edge on
//
// edge i < num_children has been visited and is described by children[i]; the others are only a
// prior and an action. Most nodes of a tree are leaves and never get a child block.
//
// All edges that were never visited have the same value estimate, so selection takes the one of
// largest prior. `next_edge` puts it at position num_children, where it becomes the next child, and
// the best few after it while it looks at all of them: selection looks at the children and one more
// edge.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/rng.h"
#include "games/any_game.h"
#include "search/node_memory.h"

namespace zerofleet::search {

struct Node;

/// A visited edge. Values are from the view of the player who moves at the node that owns it; at
/// chance nodes, of the player who moved into it.
struct Child {
    double value_sum;  // of `visits` values in [-1, 1]
    Node* node;
    float prior;              // with the noise of the move at the root; probability of an outcome
    std::uint32_t visits;     // finished
    std::uint32_t in_flight;  // descents whose leaf awaits its evaluation
    std::uint16_t action;

    double q() const { return value_sum / visits; }  // visits > 0
};
static_assert(sizeof(Child) == 32);

enum class NodeKind : std::uint8_t {
    kPending,   // a player moves; actions are known, priors and value are awaited
    kDecision,  // a player moves
    kChance,    // nature moves
    kTerminal,
};

struct Node {
    Child* children;
    std::uint32_t salt;  // chance nodes: orders outcomes of equal probability
    float value;         // the net's, from the mover's view; at the end: of player 0
    std::uint16_t num_edges;
    std::uint16_t num_children;  // visited edges, the first ones
    std::uint16_t num_ordered;   // edges after them that come in the order of their visits
    std::uint16_t capacity;      // of `children`
    NodeKind kind;
    std::int8_t to_play;  // the mover; at chance nodes the player who moved into it

    float* priors() { return reinterpret_cast<float*>(this + 1); }
    const float* priors() const { return reinterpret_cast<const float*>(this + 1); }
    std::uint16_t* actions() { return reinterpret_cast<std::uint16_t*>(priors() + num_edges); }
    const std::uint16_t* actions() const {
        return reinterpret_cast<const std::uint16_t*>(priors() + num_edges);
    }

    static std::size_t bytes(std::size_t num_edges) {
        return sizeof(Node) + num_edges * (sizeof(float) + sizeof(std::uint16_t));
    }
};
static_assert(sizeof(Node) == 32);

/// Actions are kept in 16 bits, and so is their number at a node.
inline constexpr int kMaxTreeActions = (1 << 16) - 1;

/// Bytes of the largest block a tree of this game needs. Throws std::invalid_argument if it has
/// more than kMaxTreeActions.
std::size_t largest_block(const GameInfo& info);

/// A larger key is visited earlier: the larger prior, then the smaller action; between outcomes of
/// equal probability an order drawn from the position, so that no cell of the board is favoured.
inline std::uint64_t edge_key(const Node& node, float prior, std::uint16_t action) {
    const std::uint32_t tie = node.kind == NodeKind::kChance
                                  ? static_cast<std::uint32_t>(derive_seed(node.salt, action))
                                  : 0xffffu - action;
    return std::uint64_t{std::bit_cast<std::uint32_t>(prior)} << 32 | tie;
}

/// Moves the unvisited edges of largest keys, a few, to the positions from num_children on.
/// `parallel`: numbers of the edges, by position, that move with them.
void order_edges(Node& node, float* parallel = nullptr);

/// Position of the unvisited edge to visit next. There is one.
inline int next_edge(Node& node) {
    if (node.num_ordered == 0) order_edges(node);
    return node.num_children;
}

/// The nodes of one tree.
class Tree {
  public:
    explicit Tree(NodeMemory& memory) : arena_(memory) {}

    Node* root() const { return root_; }
    std::size_t num_nodes() const { return num_nodes_; }
    std::size_t reserved_bytes() const { return arena_.reserved_bytes(); }

    void clear() {
        arena_.restart();
        root_ = nullptr;
        num_nodes_ = 0;
    }
    void set_root(Node* node) { root_ = node; }

    /// A node with these edges; priors are not set.
    Node* add(NodeKind kind, std::int8_t to_play, std::span<const Action> actions);

    /// Makes the edge at position num_children a child.
    Child& add_child(Node& node) {
        if (node.num_children == node.capacity) grow(node);
        const int i = node.num_children++;
        if (node.num_ordered > 0) --node.num_ordered;
        Child& child = node.children[i];
        child = {0.0, nullptr, node.priors()[i], 0, 0, node.actions()[i]};
        return child;
    }
    /// Keeps the subtree of `node` alone, which becomes the root; everything else is freed.
    void prune_to(const Node* node);

  private:
    void grow(Node& node);
    Node* copy(const Node& node);

    Arena arena_;
    Node* root_ = nullptr;
    std::size_t num_nodes_ = 0;
};

}  // namespace zerofleet::search
