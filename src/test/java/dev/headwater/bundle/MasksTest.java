package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Base64;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class MasksTest {
  private final Masks masks = new Masks(2, 3, Masks.evenly(3));

  @Test
  void whatIsWrittenIsReadBack() throws Exception {
    byte[] pixels = {0, 1, 2, 2, 1, 0};

    assertThat(masks.decode(masks.encode(pixels), "label", "r1")).isEqualTo(pixels);
  }

  @Test
  void classesAreSpreadEvenlyOverGrey() {
    assertThat(Masks.evenly(2)).containsExactly(0, 255);
    assertThat(Masks.evenly(4)).containsExactly(0, 85, 170, 255);
  }

  @Test
  void blackAndWhiteIsGreyAsWell() throws Exception {
    BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_BYTE_BINARY);
    image.setRGB(1, 0, 0xFFFFFFFF);

    assertThat(masks.decode(png(image), "label", "r1")).containsExactly(0, 2, 0, 0, 0, 0);
  }

  @Test
  void anotherSizeIsRefused() throws Exception {
    BufferedImage turned = new BufferedImage(2, 3, BufferedImage.TYPE_BYTE_GRAY);

    refused(png(turned), "is a mask of 2 x 3 pixels, expected 3 x 2");
  }

  @Test
  void aValueOfNoClassIsRefused() throws Exception {
    BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_BYTE_GRAY);
    image.getRaster().setSample(2, 1, 0, 7);

    refused(png(image), "contains the grey value 7, expected one of [0, 128, 255]");
  }

  @Test
  void whatIsNoImageIsRefused() {
    refused("not base64!", "is not base64");
    refused(Base64.getEncoder().encodeToString("nonsense".getBytes()), "is neither PNG nor JPEG");
    String whole = masks.encode(new byte[6]);
    byte[] file = Base64.getDecoder().decode(whole);
    refused(
        Base64.getEncoder().encodeToString(Arrays.copyOf(file, file.length - 20)),
        "it is truncated");
  }

  private void refused(String mask, String why) {
    assertThatThrownBy(() -> masks.decode(mask, "/label", "r1"))
        .isInstanceOfSatisfying(
            InvalidRecordException.class,
            e -> {
              assertThat(e).hasMessageContaining(why).hasMessageContaining("/label");
              assertThat(e.recordId()).isEqualTo("r1");
            });
  }

  private static String png(BufferedImage image) throws IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ImageIO.write(image, "png", file);
    return Base64.getEncoder().encodeToString(file.toByteArray());
  }
}
