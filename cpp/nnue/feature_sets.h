// Every compiled feature set.
#pragma once

#include "nnue/features.h"
#include "nnue/features_stones.h"
#include "nnue/features_ultimate_ttt.h"
