#include "games/go/record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "games/grid.h"
#include "games/grid_text.h"

namespace zerofleet::go {

namespace {
using grid::kPiece;

constexpr std::string_view kColumns = "ABCDEFGHJKLMNOPQRST";  // no I

constexpr std::string_view kExpected =
    "rows of . X O from the top separated by '/', X or O to move, komi, and the moves since, such "
    "as D4 E5 pass";

/// The next word of a text, taken off its front; words are separated by single spaces.
std::string_view take_word(std::string_view& text) {
    const auto space = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    return word;
}

float komi_from_text(std::string_view word) {
    float komi = 0;
    const auto end = word.data() + word.size();
    const auto read = std::from_chars(word.data(), end, komi);
    if (read.ec != std::errc{} || read.ptr != end) throw std::invalid_argument("no komi");
    if (!(std::abs(komi) <= kMaxKomi) || 2 * komi != std::floor(2 * komi))
        throw std::invalid_argument("komi is not a multiple of 0.5 in -361..361");
    komi += 0.0f;  // -0 is 0
    if (word != points_text(komi))
        throw std::invalid_argument("komi is not written as " + points_text(komi));
    return komi;
}

std::size_t num_points(const Record& record) { return record.first.size(); }

void store_number(std::size_t number, int num_bytes, std::uint8_t* out) {
    for (int i = 0; i < num_bytes; ++i) out[i] = static_cast<std::uint8_t>(number >> (8 * i));
}

std::size_t load_number(const std::uint8_t* in, int num_bytes) {
    std::size_t number = 0;
    for (int i = 0; i < num_bytes; ++i) number |= static_cast<std::size_t>(in[i]) << (8 * i);
    return number;
}
}  // namespace

std::string action_name(int size, Action a) {
    if (a == size * size) return "pass";
    return kColumns[static_cast<std::size_t>(a % size)] + std::to_string(size - a / size);
}

Action action_of_name(int size, std::string_view text) {
    if (text == "pass") return size * size;
    if (text.size() < 2 || text.size() > 3 || text[1] == '0') return -1;
    const auto column = kColumns.find(text[0]);
    int row = 0;
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + 1, end, row);
    if (column >= static_cast<std::size_t>(size) || read.ec != std::errc{} || read.ptr != end ||
        row < 1 || row > size)
        return -1;
    return (size - row) * size + static_cast<int>(column);
}

std::string points_text(float points) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, "%.1f", static_cast<double>(points));
    return buffer;
}

std::string to_text(const Record& record) {
    std::string out = grid::rows_to_text(record.size, record.size, [&](int row, int col) {
        return record.first[static_cast<std::size_t>(row * record.size + col)];
    });
    out += {' ', kPiece[record.to_play], ' '};
    out += points_text(record.komi);
    for (const Action a : record.actions) out += ' ' + action_name(record.size, a);
    return out;
}

Record from_text(int size, std::string_view text) {
    Record record(size);
    if (text.ends_with(' ')) throw std::invalid_argument("a space at the end");
    const auto rows = take_word(text), side = take_word(text), komi = take_word(text);
    if (rows.size() != grid::rows_size(size, size))
        throw std::invalid_argument("the board is not " + std::to_string(size) + " rows of " +
                                    std::to_string(size));
    grid::rows_from_text(rows, size, size, [&](int player, int row, int col) {
        record.first[static_cast<std::size_t>(row * size + col)] = static_cast<std::int8_t>(player);
    });
    if (side.size() != 1) throw std::invalid_argument("no side to move");
    record.to_play = grid::side_from_text(side[0]);
    record.komi = komi_from_text(komi);
    while (!text.empty()) {
        const auto word = take_word(text);
        record.actions.push_back(action_of_name(size, word));
        if (record.actions.back() < 0)
            throw std::invalid_argument("move " + std::to_string(record.actions.size()) + ", " +
                                        quoted(word, 8) + ", is no move");
    }
    return record;
}

std::invalid_argument bad_text(const std::string& reason, std::string_view text) {
    return grid::bad_text("go", reason, text, kExpected);
}

void pack(const Record& record, std::uint8_t* out) {
    std::memset(out, 0, static_cast<std::size_t>(packed_bytes(record.size)));
    const std::size_t point_bytes = (num_points(record) + 7) / 8;
    for (std::size_t p = 0; p < num_points(record); ++p)
        if (record.first[p] >= 0)
            out[static_cast<std::size_t>(record.first[p]) * point_bytes + p / 8] |=
                static_cast<std::uint8_t>(1u << p % 8);
    out += 2 * point_bytes;
    *out++ = static_cast<std::uint8_t>(record.to_play);
    store_number(static_cast<std::size_t>(2 * (record.komi + kMaxKomi)), 2, out);
    store_number(record.actions.size(), 2, out + 2);
    out += 4;
    const int width = action_bytes(record.size);
    for (const Action a : record.actions) {
        store_number(static_cast<std::size_t>(a), width, out);
        out += width;
    }
}

Record unpack(int size, const std::uint8_t* packed) {
    Record record(size);
    const std::size_t point_bytes = (num_points(record) + 7) / 8;
    for (std::size_t p = 0; p < 8 * point_bytes; ++p)
        for (std::size_t player = 0; player < 2; ++player) {
            if (!(packed[player * point_bytes + p / 8] >> p % 8 & 1)) continue;
            if (p >= num_points(record)) throw std::invalid_argument("a stone outside the board");
            if (record.first[p] >= 0) throw std::invalid_argument("two stones on one point");
            record.first[p] = static_cast<std::int8_t>(player);
        }
    packed += 2 * point_bytes;
    record.to_play = grid::side_from_byte(*packed++);
    record.komi = static_cast<float>(load_number(packed, 2)) / 2 - kMaxKomi;
    const std::size_t num_moves = load_number(packed + 2, 2), most = 3 * num_points(record);
    packed += 4;
    if (num_moves > most)
        throw std::invalid_argument(std::to_string(num_moves) + " moves; a game has at most " +
                                    std::to_string(most));
    const int width = action_bytes(size);
    for (std::size_t i = 0; i < most; ++i, packed += width) {
        const auto a = static_cast<Action>(load_number(packed, width));
        if (i < num_moves)
            record.actions.push_back(a);
        else if (a != 0)
            throw std::invalid_argument("bytes after the last of " + std::to_string(num_moves) +
                                        " moves");
    }
    return record;
}

Record transformed(const Record& record, int symmetry) {
    Record image = record;
    const auto moved = [&](int p) { return grid::transform_cell(p, record.size, symmetry); };
    const int pass = record.size * record.size;
    for (int p = 0; p < pass; ++p)
        image.first[static_cast<std::size_t>(moved(p))] = record.first[static_cast<std::size_t>(p)];
    for (Action& a : image.actions)
        if (a != pass) a = moved(a);
    return image;
}

std::string board_picture(int size, const std::vector<std::int8_t>& cells) {
    std::string letters = "  ";
    for (int col = 0; col < size; ++col) letters += {' ', kColumns[static_cast<std::size_t>(col)]};
    std::string out = letters + '\n';
    for (int row = 0; row < size; ++row) {
        const std::string number = std::to_string(size - row);
        out += std::string(2 - number.size(), ' ') + number;
        for (int col = 0; col < size; ++col) {
            const int piece = cells[static_cast<std::size_t>(row * size + col)];
            out += {' ', piece < 0 ? '.' : kPiece[piece]};
        }
        out += ' ' + number + '\n';
    }
    return out + letters;
}

}  // namespace zerofleet::go
