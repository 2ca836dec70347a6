package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Files' own exceptions say the path, or not even that. */
class PlainErrorsTest {
  @TempDir Path directory;

  private final StringWriter err = new StringWriter();

  @Test
  void aFileThatIsNotThereIsToldInWords() {
    Path missing = directory.resolve("nofile.jsonl");

    assertThat(failing(() -> Files.newInputStream(missing))).isEqualTo(1);
    assertThat(err.toString().strip()).isEqualTo("file not found: " + missing);
  }

  @Test
  void aFileInTheWayIsToldInWords() throws Exception {
    Path file = Files.writeString(directory.resolve("out"), "");

    assertThat(failing(() -> Files.createDirectories(file))).isEqualTo(1);
    assertThat(err.toString().strip()).isEqualTo("file already exists: " + file);
  }

  @Test
  void aFileThatIsNoTextIsToldInWords() throws Exception {
    Path file = Files.write(directory.resolve("binary"), new byte[] {(byte) 0xff, (byte) 0xfe});

    assertThat(failing(() -> Files.readString(file))).isEqualTo(1);
    assertThat(err.toString().strip()).isEqualTo("the input is not valid UTF-8");
  }

  @Test
  void ofACauseAndOfAnyOtherFileLikewise() {
    assertThat(
            failing(
                () -> {
                  throw new IOException("no way", new FileSystemLoopException("/a"));
                }))
        .isEqualTo(1);
    assertThat(err.toString().lines().map(String::strip))
        .containsExactly("no way", "caused by: /a: FileSystemLoopException");
  }

  private int failing(Callable<Object> failure) {
    return new CommandLine(new Failing(failure))
        .setErr(new PrintWriter(err, true))
        .setExecutionExceptionHandler(new PlainErrors())
        .execute();
  }

  @Command(name = "failing")
  private record Failing(Callable<Object> failure) implements Callable<Integer> {
    @Override
    public Integer call() throws Exception {
      failure.call();
      return 0;
    }
  }
}
