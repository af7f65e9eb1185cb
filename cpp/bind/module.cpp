#include "bind/module.h"

NB_MODULE(_core, m) {
    m.doc() = "The C++ core of Zerofleet: rules, search and self-play.";
    zerofleet::bind::bind_games(m);
    zerofleet::bind::bind_chess(m);
    zerofleet::bind::bind_mcts(m);
    zerofleet::bind::bind_net_codec(m);
    zerofleet::bind::bind_nnue(m);
    zerofleet::bind::bind_players(m);
    zerofleet::bind::bind_pool(m);
    zerofleet::bind::bind_records(m);
    zerofleet::bind::bind_samples(m);
    zerofleet::bind::bind_search(m);
    zerofleet::bind::bind_selfplay(m);
}
