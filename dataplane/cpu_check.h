// Does this CPU have the instructions that the build uses? Linking this file in makes a program
// refuse to start on one that does not, with a clear message.
// Threading: any; uses nothing beyond baseline x86-64.
#pragma once

namespace pollux {

// The name of a missing feature, null if nothing is missing.
const char* MissingCpuFeature();

}  // namespace pollux
