package dev.headwater.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The status page as one HTML file that loads nothing: with its data, a report to keep or send;
 * without, it asks the server it came from.
 */
public final class StatusPage {
  private static final String PAGE = "/dev/headwater/http/status.html";
  private static final String CHARTS =
      "/META-INF/resources/webjars/chart.js/4.4.9/dist/chart.umd.js";

  private StatusPage() {}

  /**
   * Writes the page with its data, making its directory where there is none.
   *
   * @param report of a replay, null where there is none
   */
  public static void write(Path file, Status status, @Nullable Object report) throws IOException {
    status.look(System.currentTimeMillis());
    Map<String, Object> data = status.now();
    if (report != null) {
      data.put("report", report);
    }
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    Files.writeString(file, page(Json.MAPPER.writeValueAsString(data)));
  }

  /** The page that asks. */
  static String live() {
    return page("null");
  }

  private static String page(String data) {
    // in a script element, the end tag is the one thing that text must not hold
    String safe = data.replace("<", "\\u003c");
    return read(PAGE)
        .replace("/*charts*/", read(CHARTS).replaceAll("(?m)^//# sourceMappingURL=.*$", ""))
        .replace("/*data*/null", safe);
  }

  private static String read(String resource) {
    try (InputStream in = StatusPage.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is not on the class path");
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
