#include "games/chess/actions.h"

namespace zerofleet::chess {

namespace {

constexpr int kFirstKnightPlane = 56, kFirstPromotionPlane = 64;

/// (rows, columns) from the mover's top left; ahead is -1 row.
struct Step {
    int rows, cols;
};
constexpr Step kDirections[8] = {{-1, 0}, {-1, 1}, {0, 1},  {1, 1},
                                 {1, 0},  {1, -1}, {0, -1}, {-1, -1}};
constexpr Step kKnightSteps[8] = {{-2, 1}, {-1, 2}, {1, 2},   {2, 1},
                                  {2, -1}, {1, -2}, {-1, -2}, {-2, -1}};

constexpr std::int16_t kNoAction = -1;

struct ActionTables {
    std::int16_t action[64][64];     // [from cell][to cell], queen's and knight's moves
    std::int8_t to[kNumActions];     // cell, or -1 off the board
    std::int8_t piece[kNumActions];  // what a pawn becomes, or 0
};

constexpr ActionTables make_tables() {
    ActionTables t{};
    for (auto& row : t.action)
        for (auto& action : row) action = kNoAction;
    for (int plane = 0; plane < kNumActionPlanes; ++plane)
        for (int from = 0; from < 64; ++from) {
            Step step{};
            int piece = 0;
            if (plane < kFirstKnightPlane) {
                const int distance = plane % 7 + 1;
                step = {kDirections[plane / 7].rows * distance,
                        kDirections[plane / 7].cols * distance};
            } else if (plane < kFirstPromotionPlane) {
                step = kKnightSteps[plane - kFirstKnightPlane];
            } else {
                const int i = plane - kFirstPromotionPlane;
                step = {-1, i % 3 - 1};
                piece = kKnight + i / 3;
            }
            const int row = from / 8 + step.rows, col = from % 8 + step.cols;
            const int action = plane * 64 + from;
            t.to[action] = -1;
            t.piece[action] = static_cast<std::int8_t>(piece);
            if (row < 0 || row > 7 || col < 0 || col > 7) continue;
            if (piece && row != 0) continue;
            t.to[action] = static_cast<std::int8_t>(row * 8 + col);
            if (!piece) t.action[from][row * 8 + col] = static_cast<std::int16_t>(action);
        }
    return t;
}
constinit const ActionTables kTables = make_tables();

/// `to_col - from_col` in -1..1.
ZF_CHESS_INLINE constexpr Action promotion_action(int from_cell, int cols, int piece) {
    return (kFirstPromotionPlane + (piece - kKnight) * 3 + cols + 1) * 64 + from_cell;
}

/// Lists actions.
template <bool white>
struct ActionSink {
    static constexpr int kFlip = white ? 56 : 0;
    static constexpr int kUp = white ? 8 : -8;
    FixedList<Action, kMaxMoves>& out;

    ZF_CHESS_INLINE void add(Square from, Square to) {
        out.push_back(kTables.action[from ^ kFlip][to ^ kFlip]);
    }
    ZF_CHESS_INLINE void moves(int, Square from, Bitboard to) {
        const auto& row = kTables.action[from ^ kFlip];
        while (to) out.push_back(row[pop_first(to) ^ kFlip]);
    }
    ZF_CHESS_INLINE void pawns(Bitboard targets, int delta) {
        // The plane is the same for all: only the cell differs.
        while (targets) {
            const Square to = pop_first(targets);
            add(to - delta, to);
        }
    }
    ZF_CHESS_INLINE void doubles(Bitboard targets) { pawns(targets, 2 * kUp); }
    ZF_CHESS_INLINE void promotions(Bitboard targets, int delta) {
        while (targets) {
            const Square to = pop_first(targets), from = to - delta;
            add(from, to);
            for (int piece = kRook; piece >= kKnight; --piece)
                out.push_back(promotion_action(from ^ kFlip, file_of(to) - file_of(from), piece));
        }
    }
    ZF_CHESS_INLINE void en_passant(Square from, Square to) { add(from, to); }
    ZF_CHESS_INLINE void castles(Square from, Square to) { add(from, to); }
};

}  // namespace

Action action_of(Move move, int mover) {
    const int from = cell_of(move.from(), mover), to = cell_of(move.to(), mover);
    const int piece = move.promotion();
    if (piece && piece != kQueen) return promotion_action(from, to % 8 - from % 8, piece);
    return kTables.action[from][to];
}

bool move_of(Action action, const Position& p, Move& move) {
    if (action < 0 || action >= kNumActions || kTables.to[action] < 0) return false;
    const int mover = p.to_play();
    const Square from = cell_of(action % 64, mover), to = cell_of(kTables.to[action], mover);
    int piece = kTables.piece[action];
    if (!piece && kTables.to[action] < 8 && p.board.types[kPawn] >> from & 1) piece = kQueen;
    move = Move(from, to, piece);
    return true;
}

void legal_actions(const Position& p, FixedList<Action, kMaxMoves>& out) {
    if (p.to_play() == kWhite) {
        ActionSink<true> sink{out};
        MoveGenerator<true, MagicSliders>::generate(p.board, p.rights(), magic_sliders(), sink);
    } else {
        ActionSink<false> sink{out};
        MoveGenerator<false, MagicSliders>::generate(p.board, p.rights(), magic_sliders(), sink);
    }
}

}  // namespace zerofleet::chess
