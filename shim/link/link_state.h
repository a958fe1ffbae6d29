#pragma once

namespace holdfast::shim {

//             kAgentLost                 kTimeoutPassed
//  kAttached ─────────────▶ kDetached ─────────────────▶ kTerminating, final
//      ▲      kAgentBack        │
//      └────────────────────────┘
//
// A shim starts in kDetached, its clock running: an agent that dies between
// starting it and attaching is an agent that is lost. kAgentBack is the end of
// the attach exchange, never a mere connection.
enum class LinkState { kAttached, kDetached, kTerminating };
enum class LinkEvent { kAgentLost, kAgentBack, kTimeoutPassed };

constexpr LinkState Next(LinkState state, LinkEvent event) {
  switch (state) {  // no default: -Wswitch names a state that was forgotten
    case LinkState::kAttached:
      return event == LinkEvent::kAgentLost ? LinkState::kDetached : state;
    case LinkState::kDetached:
      if (event == LinkEvent::kAgentBack) return LinkState::kAttached;
      if (event == LinkEvent::kTimeoutPassed) return LinkState::kTerminating;
      return state;
    case LinkState::kTerminating:
      return state;  // an agent that comes back now is told, and sees the kill
  }
  return state;
}

}  // namespace holdfast::shim
