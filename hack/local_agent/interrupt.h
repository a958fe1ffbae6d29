#pragma once

namespace holdfast::hack {

// From now on SIGINT, SIGTERM and SIGHUP only set a flag, so that whoever is
// at work stops at its next wait and takes down what it has put up.
void CatchInterrupts();
bool Interrupted();

}  // namespace holdfast::hack
