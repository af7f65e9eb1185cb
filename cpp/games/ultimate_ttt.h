// Ultimate Tic-Tac-Toe: nine small boards; the cell you play decides the board your opponent must
// play in. Sent to a finished board means any open board; a drawn board counts for nobody; three
// small boards in a line win; all nine closed without a line is a draw.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "games/game.h"
#include "games/grid.h"

namespace zerofleet {

struct UltimateTtt {
    static constexpr std::string_view kName = "ultimate_ttt";
    static constexpr int kNumActions = 81;
    static constexpr int kNumPlayers = 2;
    static constexpr int kMaxLegalActions = 81;
    static constexpr int kMaxPlies = 81;
    static constexpr int kRows = 9;
    static constexpr int kCols = 9;
    static constexpr int kNumPlanes = 5;  // mine, theirs, my boards, their boards, legal
    static constexpr int kNumScalars = 0;
    static constexpr int kNumSymmetries = 8;
    static constexpr int kAnyBoard = -1;
    static constexpr int kPackedBytes = 24;

  private:
    struct Coordinates {
        std::uint8_t board[81], cell[81], action[9][9];
    };
    static constexpr Coordinates kCoordinates = [] {
        Coordinates t{};
        for (int a = 0; a < 81; ++a) {
            const int board = a / 27 * 3 + a % 9 / 3, cell = a / 9 % 3 * 3 + a % 3;
            t.board[a] = static_cast<std::uint8_t>(board);
            t.cell[a] = static_cast<std::uint8_t>(cell);
            t.action[board][cell] = static_cast<std::uint8_t>(a);
        }
        return t;
    }();

  public:
    /// The core thinks in (board, cell), both row-major 0..8; an action is row * 9 + col of the
    /// whole 9 x 9 board.
    static Action action_of(int board, int cell) { return kCoordinates.action[board][cell]; }
    static int board_of(Action a) { return kCoordinates.board[a]; }
    static int cell_of(Action a) { return kCoordinates.cell[a]; }

    class State {
      public:
        int to_play() const { return to_play_; }
        bool is_terminal() const { return outcome_ != kOpen; }
        Returns<2> returns() const {
            if (outcome_ == kDraw) return {0.0f, 0.0f};
            return outcome_ == 0 ? Returns<2>{1.0f, -1.0f} : Returns<2>{-1.0f, 1.0f};
        }

        template <class List>
        void legal_actions(List& out) const {
            if (is_terminal()) return;
            for (unsigned boards = legal_boards(); boards; boards &= boards - 1) {
                const int b = std::countr_zero(boards);
                for (unsigned cells = empty_cells(b); cells; cells &= cells - 1)
                    out.push_back(action_of(b, std::countr_zero(cells)));
            }
        }

        /// A legal action, all equally likely; the game is open.
        Action random_action(Rng& rng) const {
            if (active_ != kAnyBoard) {
                const unsigned cells = empty_cells(active_);
                const auto n = rng.below(static_cast<std::uint32_t>(std::popcount(cells)));
                return action_of(active_, grid::kNthBit[cells][n]);
            }
            int total = 0;
            for (unsigned open = legal_boards(); open; open &= open - 1)
                total += std::popcount(empty_cells(std::countr_zero(open)));
            int n = static_cast<int>(rng.below(static_cast<std::uint32_t>(total)));
            for (unsigned open = legal_boards();; open &= open - 1) {
                const int b = std::countr_zero(open);
                const int here = std::popcount(empty_cells(b));
                if (n < here)
                    return action_of(b, grid::kNthBit[empty_cells(b)][static_cast<unsigned>(n)]);
                n -= here;
            }
        }

        bool is_legal(Action a) const {
            if (a < 0 || a >= kNumActions || is_terminal()) return false;
            const int b = board_of(a);
            return (legal_boards() >> b & 1) && (empty_cells(b) >> cell_of(a) & 1);
        }

        void apply(Action a) { play(board_of(a), cell_of(a)); }

        /// `apply` in (board, cell) coordinates.
        void play(int board, int cell) {
            const int me = to_play_;
            hash_ ^= kZobrist.cell[me][board][cell] ^ kZobrist.active[active_ + 1] ^ kZobrist.side;
            const unsigned mine = cells_[me][board] |= static_cast<std::uint16_t>(1u << cell);
            ++num_pieces_;
            to_play_ ^= 1;
            if (grid::kHasLine[mine]) {
                won_[me] |= static_cast<std::uint16_t>(1u << board);
                if (grid::kHasLine[won_[me]]) outcome_ = static_cast<std::int8_t>(me);
            } else if ((mine | cells_[me ^ 1][board]) == kFull) {
                drawn_ |= static_cast<std::uint16_t>(1u << board);
            }
            if (outcome_ == kOpen && closed_boards() == kFull) outcome_ = kDraw;
            // A finished game has no active board, so that equal boards are equal states.
            active_ = static_cast<std::int8_t>(
                outcome_ != kOpen || (closed_boards() >> cell & 1) ? kAnyBoard : cell);
            hash_ ^= kZobrist.active[active_ + 1];
        }

        std::uint64_t hash() const { return hash_; }
        bool operator==(const State&) const = default;

        void observe(std::uint8_t* planes, float* scalars) const;
        State transformed(int symmetry) const;
        std::string text() const;
        std::string pretty() const;

        /// kPackedBytes bytes: 81 bits of player 0's cells (action a at bit a % 8 of byte a / 8; 11
        /// bytes), the same for player 1 (11 bytes), the active board 0..8 or 255 for any (1 byte),
        /// the side to move (1 byte).
        void pack(std::uint8_t* out) const;
        /// Throws std::invalid_argument if no such position exists.
        static State unpack(const std::uint8_t* packed);

        // What features, players and notation read.
        unsigned cells(int player, int board) const { return cells_[player][board]; }
        unsigned won_boards(int player) const { return won_[player]; }
        unsigned drawn_boards() const { return drawn_; }
        unsigned closed_boards() const { return won_[0] | won_[1] | drawn_; }
        unsigned empty_cells(int board) const {
            return kFull & ~static_cast<unsigned>(cells_[0][board] | cells_[1][board]);
        }
        /// The board that must be played in, or kAnyBoard.
        int active_board() const { return active_; }
        /// Bit set of the boards that may be played in; meaningful while the game is open.
        unsigned legal_boards() const {
            return active_ == kAnyBoard ? kFull & ~closed_boards() : 1u << active_;
        }
        int num_pieces() const { return num_pieces_; }

        /// Builds a state from its cells; macro boards and outcome are derived.
        /// Throws std::invalid_argument if no such position exists (a board won by both, too many
        /// pieces of one side, an active board that is finished).
        static State from_cells(const std::array<std::array<std::uint16_t, 9>, 2>& cells,
                                int active_board, int to_play);

      private:
        static constexpr unsigned kFull = 0x1ff;
        static constexpr std::int8_t kOpen = -1, kDraw = 2;

        struct Zobrist {
            std::uint64_t cell[2][9][9];
            std::uint64_t active[10];  // [board + 1]
            std::uint64_t side;
        };
        static constexpr Zobrist kZobrist = [] {
            Zobrist z{};
            Rng rng(0x75747474);  // "uttt"
            for (auto& player : z.cell)
                for (auto& board : player)
                    for (auto& cell : board) cell = rng.next();
            for (auto& active : z.active) active = rng.next();
            z.side = rng.next();
            return z;
        }();

        std::uint64_t hash_ = kZobrist.active[0];
        std::uint16_t cells_[2][9] = {};  // 9-bit sets, cell c at bit c
        std::uint16_t won_[2] = {};
        std::uint16_t drawn_ = 0;
        std::int8_t active_ = kAnyBoard;
        std::int8_t outcome_ = kOpen;  // kOpen, winner 0 or 1, kDraw
        std::uint8_t to_play_ = 0;
        std::uint8_t num_pieces_ = 0;
    };

    static Action transform_action(Action a, int symmetry) {
        return grid::transform_cell(a, 9, symmetry);
    }

    /// Nine rows from the top separated by '/', '.' 'X' 'O'; side to move X or O; active board
    /// 1..9 or '-' for any: `........./.../......... X -`.
    static State parse(std::string_view text);
    /// Column letter a..i and row 1..9 from the top: "e5" is the centre.
    static std::string action_to_text(const State& state, Action a);
    static Action action_from_text(const State& state, std::string_view text);
};

}  // namespace zerofleet
