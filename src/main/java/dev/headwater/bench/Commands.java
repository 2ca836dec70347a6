package dev.headwater.bench;

import dev.headwater.replay.JavaProcess;
import dev.headwater.schema.TopicNames;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Headwater commands as processes on the benchmark's broker.
 *
 * @param mainClass main class of the command line
 * @param config configuration file of the deployment
 * @param names topic names of the deployment
 */
public record Commands(String mainClass, Path config, TopicNames names) {
  /**
   * Starts a command.
   *
   * @param niceness priority as for nice(1), 0 to 19
   */
  Process start(String command, int niceness, Arena arena) throws IOException {
    ProcessBuilder builder =
        JavaProcess.of(mainClass, command, "--config", config.toAbsolutePath().toString());
    if (niceness > 0) {
      List<String> nice = new ArrayList<>(List.of("nice", "-n", Integer.toString(niceness)));
      nice.addAll(builder.command());
      builder.command(nice);
    }
    String broker = String.valueOf(arena.kafka().get("bootstrap.servers"));
    builder
        .environment()
        .putAll(
            Map.of(
                "HEADWATER_KAFKA",
                broker, // used by the configurations in deploy/examples
                "HEADWATER_KAFKA_BOOTSTRAP_SERVERS",
                broker,
                "HEADWATER_KAFKA_SECURITY_PROTOCOL",
                "PLAINTEXT", // as in Kafka.on
                "HEADWATER_STATE_DIR",
                arena.scratch().resolve(command).toString(),
                "HEADWATER_HTTP_PORT",
                "0",
                "HEADWATER_HTTP_TRAINER_PORT",
                "0"));
    return builder
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  /** Stops a process with SIGTERM and waits until it has ended. */
  static void stop(Process process) {
    process.destroy();
    JavaProcess.await(process);
  }
}
