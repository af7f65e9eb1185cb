#include "games/chess/attacks.h"

namespace zerofleet::chess {

namespace {

/// Squares reached from `s` by steps of (files, ranks) until the edge or a piece, which is
/// included. With `inner`, the last square before the edge is left out.
constexpr Bitboard walk(Square s, int files, int ranks, Bitboard occupied, bool inner = false) {
    const auto on_board = [](int file, int rank) {
        return file >= 0 && file < 8 && rank >= 0 && rank < 8;
    };
    Bitboard reached = 0;
    for (int file = file_of(s) + files, rank = rank_of(s) + ranks; on_board(file, rank);
         file += files, rank += ranks) {
        if (inner && !on_board(file + files, rank + ranks)) break;
        reached |= bit(rank * 8 + file);
        if (occupied >> (rank * 8 + file) & 1) break;
    }
    return reached;
}

constexpr Bitboard walk_lines(Square s, Bitboard occupied, bool inner = false) {
    return walk(s, 1, 0, occupied, inner) | walk(s, -1, 0, occupied, inner) |
           walk(s, 0, 1, occupied, inner) | walk(s, 0, -1, occupied, inner);
}
constexpr Bitboard walk_diagonals(Square s, Bitboard occupied, bool inner = false) {
    return walk(s, 1, 1, occupied, inner) | walk(s, -1, 1, occupied, inner) |
           walk(s, 1, -1, occupied, inner) | walk(s, -1, -1, occupied, inner);
}

constexpr StepTables make_steps() {
    StepTables t{};
    for (Square s = 0; s < 64; ++s) {
        for (int files = -2; files <= 2; ++files)
            for (int ranks = -2; ranks <= 2; ++ranks) {
                const int file = file_of(s) + files, rank = rank_of(s) + ranks;
                if (file < 0 || file > 7 || rank < 0 || rank > 7) continue;
                const int product = files * ranks;
                if (product == 2 || product == -2) t.knight[s] |= bit(rank * 8 + file);
                if (product == 1 || product == -1 || files * files + ranks * ranks == 1)
                    t.king[s] |= bit(rank * 8 + file);
            }
        t.rook_rays[s] = walk_lines(s, 0);
        t.bishop_rays[s] = walk_diagonals(s, 0);
        for (int files = -1; files <= 1; ++files)
            for (int ranks = -1; ranks <= 1; ++ranks) {
                if (files == 0 && ranks == 0) continue;
                Bitboard passed = 0;
                for (Bitboard ray = walk(s, files, ranks, 0); ray;) {
                    // The squares of the ray in the order they are reached.
                    const int step = ranks * 8 + files;
                    const Square to = s + step * (count(passed) + 1);
                    t.between[s][to] = passed;
                    passed |= bit(to);
                    ray &= ~bit(to);
                }
            }
    }
    return t;
}

// Found by random search: multiplied by one of these, the pieces in a slider's way give an index
// without harmful collisions. Any others that do will do; `fill` relies on it and the tests compare
// every look-up with walking.
constexpr std::uint64_t kRookMagics[64] = {
    0x1080008040001024, 0x20c030002000c000, 0x2180200008811000, 0x0100070020081000,
    0x0280040018000280, 0x8200010200100408, 0x02002ac401020008, 0x0200020900804024,
    0x0002800040008020, 0x0000401000200040, 0x4000802000100080, 0x4012002010420008,
    0x0641804400680080, 0x9004800400802600, 0x1020808002000100, 0x8001000040810002,
    0x0000208000401080, 0x2010114020004000, 0x0300410010200b00, 0x2041010020081002,
    0x0010808008000400, 0x0000080104204010, 0x0000040008021001, 0x1422020000410084,
    0x0040400080002090, 0x4001400340201000, 0x20060082001821c0, 0x089610010021000a,
    0x8400080080800400, 0x0224010040400200, 0x00f0b00400012218, 0x1200004200040081,
    0x0040400080800026, 0x0c80401000402000, 0x0801004011002001, 0x0040880284801000,
    0x0108020040400400, 0x9822002004040010, 0x0c02900144000208, 0x0002040042001099,
    0x0b80004060014005, 0x0000200040008080, 0x0419044420010011, 0x0098008010008008,
    0x0000080011010004, 0x0000040002008080, 0x880c010890040002, 0x1000084184060001,
    0x0841004200802600, 0x4240100040200040, 0x0070200080100080, 0xc200201005000900,
    0x0500800800040280, 0x0100020004008080, 0x0000820108100400, 0x0901010400804200,
    0x0080024080112901, 0x5013018468400011, 0x0000a84220011101, 0x6810211000040901,
    0x0002005408201006, 0x0182009001482402, 0x002210222100a804, 0x0000490c8404402a,
};
constexpr std::uint64_t kBishopMagics[64] = {
    0x2309480088020021, 0x0003500101010000, 0x30080084049110c8, 0xc024040282000000,
    0x9190882040210101, 0x0004242440010100, 0x16010401044041c0, 0x0c20420a00a00400,
    0xb020040808812400, 0x2101480268120024, 0x4404108082084400, 0x0000110400800001,
    0x0000411140000000, 0x00811601501a0080, 0x0085010802110408, 0x8002048208420200,
    0x2204804024146408, 0x1529042202080a00, 0x0008485004004010, 0x0004082804129044,
    0x2a04000211204004, 0x0301090a00900410, 0x900c000044020904, 0x000020004e080c00,
    0x008842a1200a1e02, 0x08440420111020a1, 0x0010900102040c10, 0x2040808008020002,
    0x408100444d004018, 0x064101001a004102, 0x0101040241140102, 0x3004004000806403,
    0x0122021080c31008, 0x8219080838201108, 0x0802004848040800, 0x0080200500080108,
    0x40208210040a0080, 0x0065010201810810, 0x0241021088020820, 0x0408020020188889,
    0x2828040420020418, 0x4100420220003090, 0x0000118404417000, 0x0020004208004084,
    0x00d12000a4002280, 0x00600a0862000040, 0x0020029202002040, 0x0010010041022082,
    0x00a4020210044000, 0x24088a08092c1028, 0x810c090090900000, 0x801023102a080081,
    0x42000008030402a2, 0x2000081081020000, 0x00600d310e0c0048, 0x488841810409004a,
    0x0a0a090400820860, 0x0800402118021044, 0x2803200041082100, 0x1196000000840400,
    0x0406000808103400, 0x00411108d0090212, 0x0240600911080080, 0x101420109102008a,
};

}  // namespace

constinit const StepTables kSteps = make_steps();

Bitboard rook_mask(Square s) { return walk_lines(s, 0, true); }
Bitboard bishop_mask(Square s) { return walk_diagonals(s, 0, true); }
Bitboard walk_rook(Square s, Bitboard occupied) { return walk_lines(s, occupied); }
Bitboard walk_bishop(Square s, Bitboard occupied) { return walk_diagonals(s, occupied); }

MagicSliders::MagicSliders() {
    Bitboard* next = attacks_;
    for (Square s = 0; s < 64; ++s) next = fill(rook_[s], s, true, next);
    for (Square s = 0; s < 64; ++s) next = fill(bishop_[s], s, false, next);
}

Bitboard* MagicSliders::fill(Entry& entry, Square s, bool is_rook, Bitboard* attacks) {
    const Bitboard mask = is_rook ? rook_mask(s) : bishop_mask(s);
    entry = {mask, is_rook ? kRookMagics[s] : kBishopMagics[s], attacks, 64 - count(mask)};
    Bitboard occupied = 0;
    do {  // every subset of the mask
        attacks[occupied * entry.magic >> entry.shift] =
            is_rook ? walk_rook(s, occupied) : walk_bishop(s, occupied);
        occupied = (occupied - mask) & mask;
    } while (occupied);
    return attacks + (std::size_t{1} << count(mask));
}

const MagicSliders& magic_sliders() {
    static const MagicSliders sliders;
    return sliders;
}

}  // namespace zerofleet::chess
