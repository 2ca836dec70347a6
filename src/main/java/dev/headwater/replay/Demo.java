package dev.headwater.replay;

import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.ReplayReport;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/**
 * A replay of the corpus that comes with Headwater: a support desk's requests. A cold start learns
 * sixteen intents from labelled history; half-way through the stream eight more are launched.
 */
public final class Demo {
  private Demo() {}

  /**
   * @param settings their stream is the corpus, whatever they name
   * @param pipeline its history is the corpus's; its bundle must be a cold start on text
   * @param cancelled as for {@link Replay#run}
   */
  public static ReplayReport run(
      ReplaySettings settings, Pipeline pipeline, Display display, CountDownLatch cancelled)
      throws Exception {
    try (Scratch corpus = Scratch.create()) {
      Path history = unpack("history.jsonl", corpus.path());
      Path stream = unpack("stream.jsonl", corpus.path());
      return new Replay(settings.withStream(stream), pipeline.withHistory(history), display)
          .run(cancelled);
    }
  }

  private static Path unpack(String name, Path directory) throws IOException {
    Path file = directory.resolve(name);
    try (InputStream in = Demo.class.getResourceAsStream("support/" + name)) {
      if (in == null) {
        throw new IOException("this build lacks the demo's corpus: " + name);
      }
      Files.copy(in, file);
    }
    return file;
  }
}
