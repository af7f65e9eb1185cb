// Solves positions of connect four exactly: the oracle that measures how perfect a net plays.
//
//   echo 4444443 | solve_connect_four [--threads N] [--table-mib N]
//
// Each line of standard input is a position as the columns played, 1-7. Each line of the output is
// the position and, for each column, the value of playing there with perfect play from then on: 0 a
// draw; n > 0 the mover wins with the n-th last stone it would have on a full board, so that larger
// is sooner; n < 0 the other side does; `.` a full column. Finished games print `over`.
//
// Negamax with null windows on bit boards, as Allis (1988) and Tromp describe the game: moves that
// lose at once are never tried, those that make most threats come first, and a table keeps bounds.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "tools/flags.h"

namespace {

using Cells = std::uint64_t;
constexpr int kRows = 6, kCols = 7, kCells = kRows * kCols;

// Column c has bits 7 c .. 7 c + 5 from the bottom; bit 7 c + 6 stays clear, so lines do not wrap.
constexpr Cells column(int c) { return ((Cells{1} << kRows) - 1) << (7 * c); }
constexpr Cells bottom(int c) { return Cells{1} << (7 * c); }
constexpr Cells make_bottoms() {
    Cells all = 0;
    for (int c = 0; c < kCols; ++c) all |= bottom(c);
    return all;
}
constexpr Cells kBottoms = make_bottoms();
constexpr Cells kBoard = kBottoms * ((Cells{1} << kRows) - 1);
constexpr std::array<int, kCols> kCentreFirst = {3, 2, 4, 1, 5, 0, 6};

/// Empty cells that complete four of `stones`, reachable now or later.
Cells winning_cells(Cells stones, Cells taken) {
    Cells found = (stones << 1) & (stones << 2) & (stones << 3);  // on top of three
    for (const int step : {kRows, kRows + 1, kRows + 2}) {        // diagonals and rows
        const Cells up = (stones << step) & (stones << 2 * step);
        const Cells down = (stones >> step) & (stones >> 2 * step);
        found |= up & (stones << 3 * step);
        found |= up & (stones >> step);
        found |= down & (stones >> 3 * step);
        found |= down & (stones << step);
    }
    return found & kBoard & ~taken;
}

struct Position {
    Cells mover = 0, taken = 0;
    int num_stones = 0;

    Cells playable() const { return (taken + kBottoms) & kBoard; }
    Cells own_wins() const { return winning_cells(mover, taken); }
    Cells other_wins() const { return winning_cells(mover ^ taken, taken); }
    bool wins_now() const { return (own_wins() & playable()) != 0; }
    void play(Cells cell) {
        mover ^= taken;
        taken |= cell;
        ++num_stones;
    }
    /// Moves after which the other side cannot win at once.
    Cells safe_moves() const {
        Cells moves = playable();
        const Cells threats = other_wins();
        if (const Cells forced = moves & threats) {
            if (forced & (forced - 1)) return 0;  // two at once cannot be stopped
            moves = forced;
        }
        return moves & ~(threats >> 1);  // not below a cell it wins on
    }
    /// Distinct for distinct positions; the mirror image has the same.
    Cells key() const {
        const Cells own = mover + taken;
        Cells image = 0;
        for (int c = 0; c < kCols; ++c) image |= ((own >> (7 * c)) & 0x7f) << (7 * (kCols - 1 - c));
        return std::min(own, image);
    }
};

/// Bounds of values; a newer entry replaces an older one.
class Table {
  public:
    explicit Table(std::size_t bytes) : entries_(std::bit_floor(bytes / sizeof(std::uint64_t))) {}

    int get(Cells key) const {
        const std::uint64_t entry = entries_[slot(key)];
        return entry >> 8 == key ? static_cast<int>(entry & 0xff) : 0;
    }
    void put(Cells key, int value) {
        entries_[slot(key)] = key << 8 | static_cast<std::uint64_t>(value);
    }

  private:
    std::size_t slot(Cells key) const {
        return static_cast<std::size_t>((key * 0x9e3779b97f4a7c15u) >> 20) & (entries_.size() - 1);
    }
    std::vector<std::uint64_t> entries_;
};

class Solver {
  public:
    explicit Solver(std::size_t table_bytes) : table_(table_bytes) {}

    /// The value of an open position.
    int solve(const Position& position) {
        if (position.wins_now()) return (kCells + 1 - position.num_stones) / 2;
        int low = -(kCells - position.num_stones) / 2;
        int high = (kCells - 1 - position.num_stones) / 2;
        while (low < high) {  // null windows, nearest to a draw first
            int middle = low + (high - low) / 2;
            if (middle <= 0 && low / 2 < middle) middle = low / 2;
            if (middle >= 0 && high / 2 > middle) middle = high / 2;
            const int found = search(position, middle, middle + 1);
            (found <= middle ? high : low) = found;
        }
        return low;
    }

  private:
    static constexpr int kLeast = -kCells / 2;
    static constexpr int kUpper = 1 - kLeast;  // stored upper bounds: value + kUpper
    static constexpr int kLower = kUpper + kCells / 2 + 1 - kLeast;  // lower bounds, above them

    /// Fail-soft; the mover cannot win at once.
    int search(const Position& p, int alpha, int beta) {
        const Cells moves = p.safe_moves();
        if (!moves) return -(kCells - p.num_stones) / 2;
        if (p.num_stones >= kCells - 2) return 0;
        const int least = -(kCells - 2 - p.num_stones) / 2;
        if (alpha < least && (alpha = least) >= beta) return alpha;
        const int most = (kCells - 1 - p.num_stones) / 2;
        if (beta > most && (beta = most) <= alpha) return beta;
        const Cells key = p.key();
        if (const int stored = table_.get(key)) {
            if (stored >= kLower + kLeast) {
                const int bound = stored - kLower;
                if (alpha < bound && (alpha = bound) >= beta) return alpha;
            } else {
                const int bound = stored - kUpper;
                if (beta > bound && (beta = bound) <= alpha) return beta;
            }
        }
        struct Move {
            Cells cell;
            int threats;
        };
        std::array<Move, kCols> list;
        int count = 0;
        for (const int c : kCentreFirst) {
            const Cells cell = moves & column(c);
            if (!cell) continue;
            const int threats = std::popcount(winning_cells(p.mover | cell, p.taken | cell));
            int at = count++;
            for (; at > 0 && list[static_cast<std::size_t>(at - 1)].threats < threats; --at)
                list[static_cast<std::size_t>(at)] = list[static_cast<std::size_t>(at - 1)];
            list[static_cast<std::size_t>(at)] = {cell, threats};
        }
        for (int i = 0; i < count; ++i) {
            Position child = p;
            child.play(list[static_cast<std::size_t>(i)].cell);
            const int value = -search(child, -beta, -alpha);
            if (value >= beta) {
                table_.put(key, value + kLower);
                return value;
            }
            alpha = std::max(alpha, value);
        }
        table_.put(key, alpha + kUpper);
        return alpha;
    }

    Table table_;
};

std::string solved_line(Solver& solver, const std::string& line) {
    Position p;
    for (const char ch : line) {
        const int c = ch - '1';
        if (c < 0 || c >= kCols || !(p.playable() & column(c)))
            return line + " error: column " + ch + " cannot be played";
        if (p.own_wins() & p.playable() & column(c)) {
            const bool last = &ch == &line.back();
            return line + (last ? " over" : " error: moves after the end");
        }
        p.play(p.playable() & column(c));
    }
    if (p.num_stones == kCells) return line + " over";
    std::string out = line.empty() ? "-" : line;
    for (int c = 0; c < kCols; ++c) {
        const Cells cell = p.playable() & column(c);
        out += ' ';
        if (!cell) {
            out += '.';
        } else if (p.own_wins() & cell) {
            out += std::to_string((kCells + 1 - p.num_stones) / 2);
        } else {
            Position child = p;
            child.play(cell);
            out += child.num_stones == kCells ? "0" : std::to_string(-solver.solve(child));
        }
    }
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    int threads = 1;
    std::size_t table_mib = 64;
    zerofleet::tools::Flags flags("solve_connect_four");
    flags.value("--threads", threads).value("--table-mib", table_mib).parse(argc, argv);
    if (threads < 1 || table_mib < 1) flags.fail("--threads and --table-mib are at least 1");
    std::vector<std::string> lines;
    for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
    std::vector<std::string> out(lines.size());
    zerofleet::share_indices(threads, static_cast<std::ptrdiff_t>(lines.size()), [&](auto&& next) {
        Solver solver(table_mib << 20);
        for (std::ptrdiff_t i = next(); i >= 0; i = next())
            out[static_cast<std::size_t>(i)] =
                solved_line(solver, lines[static_cast<std::size_t>(i)]);
    });
    for (const std::string& line : out) std::cout << line << "\n";
}
