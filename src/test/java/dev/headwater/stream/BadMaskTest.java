package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.stream.selection.Selection;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A label that is no mask of its task, late and with its record. */
class BadMaskTest {
  private static final int HEIGHT = 4;
  private static final int WIDTH = 6;

  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // before each test
  private Task task;

  @SuppressWarnings("NullAway.Init")
  private Driven driven;

  @BeforeEach
  void start() throws Exception {
    task = Bundles.segments(directory.resolve("bundle"), HEIGHT, WIDTH, 1).task();
    driven = new Driven(directory.resolve("state"), new Selection(0, 1), task::checkLabel);
  }

  @AfterEach
  void stop() {
    driven.close();
  }

  @Test
  void ofAnotherSizeIsADeadLetter() throws Exception {
    isRefused(png(WIDTH + 1, HEIGHT, 0), "is a mask of 7 x 4 pixels, expected 6 x 4");
  }

  @Test
  void ofAGreyThatMeansNothingIsADeadLetter() throws Exception {
    isRefused(png(WIDTH, HEIGHT, 9), "contains the grey value 9, expected one of [0, 255]");
  }

  @Test
  void thatIsNoPictureIsADeadLetter() {
    isRefused(base64("light".getBytes(UTF_8)), "is neither PNG nor JPEG");
  }

  @Test
  void thatEndsTooEarlyIsADeadLetter() throws Exception {
    byte[] whole = Base64.getDecoder().decode(png(WIDTH, HEIGHT, 0));

    isRefused(base64(Arrays.copyOf(whole, whole.length - 20)), "it is truncated");
  }

  @Test
  void inCorruptBase64IsADeadLetter() throws Exception {
    isRefused("?" + png(WIDTH, HEIGHT, 0).substring(1), "is not base64");
  }

  private void isRefused(String mask, String why) {
    driven.record("{\"id\": \"good\", \"confidence\": 0.2}");
    driven.label("late", mask);
    driven.record("{\"id\": \"inline\", \"confidence\": 0.2, \"label\": \"%s\"}".formatted(mask));
    driven.label("good", task.masks().orElseThrow().encode(new byte[HEIGHT * WIDTH]));

    List<TestRecord<byte[], byte[]>> dead = driven.read(driven.topics.deadLetters());
    assertThat(dead).hasSize(2);
    names(dead.get(0), "late", "/label", why);
    names(dead.get(1), "inline", "/label", why);
    assertThat(driven.read(driven.topics.samples()))
        .as("its neighbour goes on")
        .extracting(sample -> sample.value().getRecordId())
        .containsExactly("good");
  }

  private static void names(
      TestRecord<byte[], byte[]> dead, String recordId, String field, String why) {
    assertThat(Driven.header(dead, "headwater-record-id")).isEqualTo(recordId);
    assertThat(Driven.header(dead, "headwater-field")).isEqualTo(field);
    assertThat(Driven.header(dead, "__streams.errors.message")).contains(why);
  }

  private static String png(int width, int height, int grey) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    image.getRaster().setSample(1, 1, 0, grey);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ImageIO.write(image, "png", file);
    return base64(file.toByteArray());
  }

  private static String base64(byte[] file) {
    return Base64.getEncoder().encodeToString(file);
  }
}
