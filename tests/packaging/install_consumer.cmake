# Installs the build under test into an empty prefix, and builds against it
# what the README shows: its CMake lines and its C++.
set(work ${BUILD_DIR}/tests/install_consumer)
set(prefix ${work}/prefix)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
endfunction()

# The README's only block of that language.
function(readme_block language variable)
  file(READ ${SOURCE_DIR}/README.md text)
  string(FIND "${text}" "```${language}\n" start)
  if(start EQUAL -1)
    message(FATAL_ERROR "README.md has no ${language} block")
  endif()
  string(SUBSTRING "${text}" ${start} -1 text)
  string(FIND "${text}" "\n" line_end)
  math(EXPR line_end "${line_end} + 1")
  string(SUBSTRING "${text}" ${line_end} -1 text)
  string(FIND "${text}" "```" end)
  string(SUBSTRING "${text}" 0 ${end} text)
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
foreach(file bin/holdfastd bin/holdfastctl bin/holdfast-shim
        share/holdfast/proto/api/orchestrator.proto
        share/holdfast/proto/api/containerizer.proto)
  if(NOT EXISTS ${prefix}/${file})
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()

# An executor, too: without a shim around it, it says so, and without a shim at
# its endpoint it does not wait.
file(WRITE ${work}/consumer/executor.cc [[
#include "shim/client/executor_driver.h"

int main() {
  const auto driver = holdfast::ExecutorDriver::FromEnvironment({});
  if (!driver.ok()) return absl::IsFailedPrecondition(driver.status()) ? 0 : 1;
  return absl::IsDeadlineExceeded((*driver)->Run()) ? 0 : 2;
}
]])

# A monitor of an agent that is not there.
file(WRITE ${work}/consumer/monitor.cc [[
#include "plugin/client/agent_monitor.h"

int main() {
  const holdfast::AgentMonitor monitor(
      "unix:/nowhere.sock", grpc::InsecureChannelCredentials(),
      holdfast::SystemClock(), {}, {});
  return monitor.state() == holdfast::LivenessState::kJoining ? 0 : 1;
}
]])

readme_block(cpp cpp)
readme_block(cmake cmake)
file(WRITE ${work}/consumer/main.cc "${cpp}")
file(WRITE ${work}/consumer/CMakeLists.txt
  "cmake_minimum_required(VERSION 3.25)\nproject(consumer CXX)\n"
  "set(CMAKE_CXX_STANDARD 17)\n"
  "if(SANITIZE)\n  add_link_options(-fsanitize=\${SANITIZE})\nendif()\n"
  "add_executable(my_scheduler main.cc)\n"
  "${cmake}"
  "add_executable(executor executor.cc)\n"
  "target_link_libraries(executor PRIVATE holdfast::executor_driver)\n"
  "add_executable(monitor monitor.cc)\n"
  "target_link_libraries(monitor PRIVATE holdfast::agent_monitor)\n")
run(${CMAKE_COMMAND} -S ${work}/consumer -B ${work}/build
    -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${CXX}
    -D SANITIZE=${SANITIZE})
run(${CMAKE_COMMAND} --build ${work}/build)
run(${CMAKE_COMMAND} -E env --unset=HOLDFAST_EXECUTOR_ENDPOINT
    ${work}/build/executor)
run(${CMAKE_COMMAND} -E env HOLDFAST_EXECUTOR_ENDPOINT=unix:/nowhere
    HOLDFAST_RECOVERY_TIMEOUT=0 ${work}/build/executor)
execute_process(COMMAND ldd ${work}/build/executor
                COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE libraries)
if(libraries MATCHES "grpc")
  message(FATAL_ERROR "an executor needs a gRPC library:\n${libraries}")
endif()
run(${work}/build/monitor)

# The protos alone serve a client in any language.
run(protoc -I ${prefix}/share/holdfast/proto --cpp_out=${work}
    api/orchestrator.proto api/containerizer.proto api/executor.proto)
file(REMOVE_RECURSE ${work})
