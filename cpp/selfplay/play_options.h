// How games of tree search are played. Names, meanings and sources are those of PlayConfig in
// src/zerofleet/selfplay/config.py.
#pragma once

namespace zerofleet::selfplay {

struct PlayOptions {
    int num_random_plies = 0;
    double temperature = 1.0;
    int temperature_plies = 0;
    double final_temperature = 0.0;  // after them
    bool temperature_falls = false;  // to that, evenly, during them
    double resign_below = -1.0;      // -1: nobody resigns
    int resign_moves = 3;
    double resign_play_on = 0.1;
    int max_plies = 0;                // 0: as long as the rules allow
    bool adjudicates_length = false;  // by the value of the board, else a draw
};

/// Throws std::invalid_argument naming the setting, its value and what it may be.
void check_options(const PlayOptions& options);

}  // namespace zerofleet::selfplay
