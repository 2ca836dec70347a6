package dev.headwater.deploy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Programs of others that read what is in deploy/. */
final class Tools {
  static final Path FOLDER = Path.of("target", "tools");

  private Tools() {}

  /** Where a program is; skips the test where it is nowhere. */
  static String find(String name) {
    Stream<Path> folders =
        Stream.concat(
            Stream.of(FOLDER.resolve("bin")),
            Arrays.stream(System.getenv("PATH").split(File.pathSeparator)).map(Path::of));
    List<Path> found =
        folders.map(folder -> folder.resolve(name)).filter(Files::isExecutable).toList();
    assumeTrue(!found.isEmpty(), "no " + name + ": .ci/tools gets it");
    return found.get(0).toString();
  }

  /**
   * What tsc finds wrong with a program over the types that .ci/tools gets; skips the test without
   * them. An object literal with a field its type lacks, or of another type, does not compile.
   *
   * @param name of the file
   * @return a line each; nothing where all is well
   */
  static String typeErrors(String name, String source) throws IOException, InterruptedException {
    Path compiler = Path.of("node_modules", ".bin", "tsc");
    assumeTrue(Files.isExecutable(FOLDER.resolve(compiler)), "no tsc: .ci/tools gets it");
    Files.writeString(FOLDER.resolve(name), source);
    Process process =
        new ProcessBuilder(
                compiler.toString(),
                "--noEmit",
                "--strict",
                "--skipLibCheck",
                "--module",
                "nodenext",
                name)
            .directory(FOLDER.toFile())
            .redirectErrorStream(true)
            .start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor() == 0).as(printed).isEqualTo(printed.isEmpty());
    return printed;
  }

  /** Runs it to its end, which must be a success, and returns what it printed. */
  static String run(String name, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(find(name)));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s%n%s", command, printed).isZero();
    return printed;
  }
}
