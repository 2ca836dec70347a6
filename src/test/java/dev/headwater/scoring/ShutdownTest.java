package dev.headwater.scoring;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.stream.TestJvm;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records are scored to the end of the process, whatever hooks others have there. */
class ShutdownTest {
  private static final int WIDE = 256;

  /** The first record of a process that is told to end before it had any. */
  public static final class Ending {
    private Ending() {}

    /**
     * @param arguments a directory for its bundle
     */
    public static void main(String... arguments) throws Exception {
      Bundle bundle = Bundles.tabular(Path.of(arguments[0]), WIDE, 5);
      Scoring scoring =
          Scoring.load(bundle, new ScoringSettings(1, 1, 32, false), ScorerMetrics.NOOP);
      Thread others = onnxRuntimesHook();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> after(others, scoring, bundle)));
      System.exit(0);
    }

    private static void after(Thread others, Scoring scoring, Bundle bundle) {
      try {
        while (others.getState() == Thread.State.NEW) {
          Thread.onSpinWait();
        }
        others.join();
        scoring.infer(row().getBytes(UTF_8));
        scoring.install(Heads.random(bundle, 1, 7, 7));
        System.out.println("scored after " + others.getState());
      } catch (Exception e) {
        System.out.println("not scored: " + e);
      }
    }

    /** Java tells nobody of its hooks. */
    @SuppressWarnings("unchecked")
    private static Thread onnxRuntimesHook() throws ReflectiveOperationException {
      Field hooks = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
      Field target = Thread.class.getDeclaredField("target");
      hooks.setAccessible(true);
      target.setAccessible(true);
      for (Thread hook : ((Map<Thread, Thread>) hooks.get(null)).keySet()) {
        Object work = target.get(hook);
        if (work != null && work.getClass().getName().startsWith("ai.onnxruntime.")) {
          return hook;
        }
      }
      throw new IllegalStateException("ONNX Runtime has no hook any more: nothing to survive");
    }

    private static String row() {
      return "{\"id\":\"r\",\"x\":%s}".formatted(Collections.nCopies(WIDE, 1));
    }
  }

  @Test
  void aRecordIsScoredAfterOnnxRuntimesOwnShutdownHook(@TempDir Path directory) throws Exception {
    Path log = directory.resolve("log");
    ProcessBuilder process = TestJvm.of(log, "256m", Ending.class, directory.toString());
    process.environment().put("JDK_JAVA_OPTIONS", "--add-opens=java.base/java.lang=ALL-UNNAMED");

    Process ending = process.start();

    try {
      assertThat(ending.waitFor(1, TimeUnit.MINUTES)).isTrue();
    } finally {
      ending.destroyForcibly();
    }
    assertThat(log).content().contains("scored after TERMINATED");
    assertThat(ending.exitValue()).isZero();
  }
}
