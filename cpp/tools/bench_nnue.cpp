#include "selfcheck_nnue.h"
int main(){ zerofleet::selfcheck::selfcheck_nnue(); }
