package dev.headwater.cli;

import dev.headwater.config.Settings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "replay",
    mixinStandardHelpOptions = true,
    description = {
      "Backtests continual adaptation on a labelled stream: what would it have given?",
      "Runs scorer and trainer as deployed, on a broker of its own unless one is given."
          + " Labels are delivered only for the records that ask for one. Reports the prequential"
          + " accuracy of the adaptive and of the frozen head over the same records.",
      "Runs in a Java of its own that compiles once and optimises nothing, which a run of minutes"
          + " would not earn back, unless options of Java such as -XX: say how to run."
    })
final class ReplayCommand implements Callable<Integer> {
  @Mixin private ConfigOption config;

  @Option(names = "--stream", paramLabel = "FILE", description = "Labelled records, JSONL.")
  private @Nullable Path stream;

  @Option(
      names = "--from-topic",
      description =
          "Replay what the deployment's own records topics hold, in place of a file; the truth is"
              + " what its samples and labels topics tell. --from and --until bound it.")
  private boolean fromTopic;

  @Mixin private RangeOption range;

  @Option(names = "--rate", paramLabel = "R", description = "Records a second.")
  private @Nullable Double rate;

  @Option(
      names = "--label-delay",
      paramLabel = "D",
      description = "From asking for a label to its arrival, such as 10s.")
  private @Nullable String labelDelay;

  @Option(names = "--no-adapt", description = "No trainer: measures the head as it is.")
  private boolean frozen;

  @Option(
      names = "--bootstrap",
      paramLabel = "HOST:PORT",
      description = "A broker to run on, in topics of its own that are deleted afterwards.")
  private @Nullable String bootstrap;

  @Option(names = "--report", paramLabel = "FILE", description = "Where the report goes, JSON.")
  private @Nullable Path report;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Where the report goes as a page to look at: one file that loads nothing.")
  private @Nullable Path html;

  @Option(
      names = "--dump",
      paramLabel = "DIR",
      description = "Where predictions.jsonl and samples.jsonl go, to recount the report from.")
  private @Nullable Path dump;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ReplayCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings settings = config.load(overrides());
    if (fromTopic && stream != null) {
      throw new UsageException("--from-topic is in place of the file that --stream names");
    }
    if (fromTopic) {
      new Replays(settings).run(range.from(), range.until());
    } else if (range.given()) {
      throw new UsageException("--from and --until are of --from-topic");
    } else {
      new Replays(settings).run();
    }
    return 0;
  }

  /** A flag is the key it stands for, so that both are checked and told alike. */
  private Map<String, String> overrides() {
    Map<String, String> keys = new LinkedHashMap<>();
    put(keys, "replay.stream", stream);
    put(keys, "replay.rate", rate);
    put(keys, "replay.label-delay", labelDelay);
    put(keys, "replay.adapt", frozen ? false : null);
    put(keys, "replay.bootstrap-servers", bootstrap);
    put(keys, "replay.report", report);
    put(keys, "replay.html", html);
    put(keys, "replay.dump", dump);
    return keys;
  }

  private static void put(Map<String, String> keys, String key, @Nullable Object value) {
    if (value != null) {
      keys.put(key, value.toString());
    }
  }
}
