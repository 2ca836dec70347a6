package dev.headwater.cli;

import dev.headwater.bench.Bench;
import dev.headwater.bench.BenchSettings;
import dev.headwater.bench.Commands;
import dev.headwater.bench.Ffnn;
import dev.headwater.bench.Report;
import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.replay.Pipeline;
import dev.headwater.replay.Scratch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = {
      "Measures the throughput and latency of a deployment on a broker in a separate process.",
      "The baselines are raw ONNX Runtime, a plain Kafka Streams processor, and the Headwater"
          + " topology without inference. All run on this machine over the records of"
          + " replay.stream."
    })
final class BenchCommand implements Callable<Integer> {
  @ArgGroup(multiplicity = "1")
  private Subject subject;

  @Spec private CommandSpec spec;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Number of rounds; every variant runs once per round. Default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "10",
      description = "Duration of the Headwater run in each round. Default: ${DEFAULT-VALUE}.")
  private double seconds;

  @Option(
      names = "--minutes",
      paramLabel = "M",
      defaultValue = "30",
      description = "Duration of the SOAK part. Default: ${DEFAULT-VALUE}.")
  private double minutes;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "PART",
      description =
          "Parts to run, comma-separated: ${COMPLETION-CANDIDATES}. Default: all except SOAK, TASKS"
              + " and SCALE.")
  private @Nullable Set<BenchSettings.Part> only;

  @Option(
      names = "--axes",
      split = ",",
      paramLabel = "AXIS",
      description =
          "Dimensions to scale in the SCALE part, comma-separated: ${COMPLETION-CANDIDATES}."
              + " SCALE measures the cost per record on a small built-in network. Default: all.")
  private @Nullable Set<BenchSettings.Axis> axes;

  @Option(
      names = "--up-to",
      paramLabel = "N",
      defaultValue = "1000000",
      description = "Largest size in the SCALE part. Default: ${DEFAULT-VALUE}.")
  private int upTo;

  @Option(names = "--report", paramLabel = "FILE", description = "File for the JSON report.")
  private @Nullable Path report;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  BenchCommand() {}

  /** The deployment to measure. */
  private static final class Subject {
    @Option(
        names = "--config",
        required = true,
        paramLabel = "FILE",
        description =
            "Configuration file of the deployment (YAML), as for 'serve'. Its broker is not used.")
    private @Nullable Path config;

    @Option(
        names = "--workload",
        required = true,
        description =
            "Built-in workload: ${COMPLETION-CANDIDATES}. FFNN is a feed-forward network that"
                + " classifies 28x28 pixels into 10 classes, on records of 8 KB.")
    private @Nullable Workload workload;
  }

  private enum Workload {
    FFNN
  }

  @Override
  public Integer call() throws Exception {
    Lifetime.untilSignalled(
        signalled -> {
          Thread bench = Thread.currentThread();
          Thread ctrlC = new Thread(() -> interrupt(bench, signalled), "ctrl-c");
          ctrlC.setDaemon(true);
          ctrlC.start();
          try {
            measure(line -> print(line, signalled));
          } catch (Exception e) {
            if (signalled.getCount() > 0) {
              throw e;
            }
            // an interrupted step may fail with any exception
            spec.commandLine().getErr().println("interrupted before completion");
          }
        });
    return 0;
  }

  /** Interrupts the bench on a signal, so that it closes its processes and deletes their files. */
  private static void interrupt(Thread bench, CountDownLatch signalled) {
    try {
      signalled.await();
      bench.interrupt();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // not expected: the process exits first
    }
  }

  /** Prints a line; throws after a signal, because a library may have swallowed the interrupt. */
  private void print(String line, CountDownLatch signalled) {
    if (signalled.getCount() == 0) {
      throw new CancellationException();
    }
    spec.commandLine().getOut().println(line);
  }

  private void measure(Consumer<String> log) throws Exception {
    if (subject.config != null) {
      measure(subject.config, log);
      return;
    }
    try (Scratch scratch = Scratch.create()) {
      measure(Ffnn.CRAYFISH.write(scratch.path()), log);
    }
  }

  private void measure(Path config, Consumer<String> log) throws Exception {
    Settings settings = SettingsLoader.load(config, System.getenv(), Map.of());
    Path stream =
        settings.replay().stream()
            .orElseThrow(() -> new UsageException("no records to score: set replay.stream"));
    Set<BenchSettings.Part> parts = only == null ? BenchSettings.Part.ofDeployment() : only;
    if (parts.contains(BenchSettings.Part.ADAPTATION)) {
      settings.requireSigningKey(); // fail now: train would fail after all other parts
    }
    Bundle bundle = settings.loadBundle();
    Pipeline pipeline =
        new Pipeline(
            bundle,
            settings.topicSettings(),
            settings.stream(),
            settings.scoring(),
            settings.adapt(),
            settings.gates(bundle),
            Optional.empty(),
            settings.kafka());
    Report measured = new Report();
    Bench bench;
    try {
      bench =
          new Bench(
              new BenchSettings(
                  pipeline,
                  settings.manifest(),
                  settings.bundleDirectory(),
                  stream,
                  settings.replay().truthFields(),
                  new Commands(Main.class.getName(), config, settings.topicNames()),
                  parts,
                  axes == null ? EnumSet.allOf(BenchSettings.Axis.class) : axes,
                  upTo,
                  rounds,
                  seconds,
                  minutes),
              measured,
              log);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    try (AutoCloseable reporting = () -> writeReport(measured)) {
      bench.run();
    }
  }

  /** Prints and writes the report. After a failed part or Ctrl-C it holds the parts measured. */
  private void writeReport(Report measured) throws IOException {
    if (!measured.isBegun()) {
      return;
    }
    // clears the interrupt of Ctrl-C, which would stop the writing
    boolean unused = Thread.interrupted();
    spec.commandLine().getOut().println(measured);
    if (report != null) {
      measured.write(report);
    }
  }
}
