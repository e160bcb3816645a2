// Photos before they are sent.
import type { Citation } from '@/api/blobs';
import type { Json } from '@/api/resources';

export const sideMax = 2048;

/** The size of a picture whose longer side is at most `most`. */
export function fitted(width: number, height: number, most = sideMax): { width: number; height: number } {
  const share = Math.min(1, most / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
}
export const isPicture = (type: string): boolean => /^image\/(jpeg|png|webp|heic|heif|avif|bmp)$/.test(type);
/** Whether a browser shows it by itself. */
export const isShown = (type: string): boolean => /^image\/(jpeg|png|gif|webp)$/.test(type);
export const jpegName = (name: string): string => (name.replace(/\.[A-Za-z0-9]{1,5}$/, '') || 'photo') + '.jpg';

/** Drawn anew as a JPEG of at most 2,048 pixels: small, and without what the camera noted of its place. A picture that the browser cannot draw is given back as it is. */
export async function redrawn(file: File): Promise<{ name: string; file: Blob }> {
  const asItIs = { name: file.name, file };
  if (!isPicture(file.type)) return asItIs;
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return asItIs;
  }
  const size = fitted(picture.width, picture.height);
  const canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  const pen = canvas.getContext('2d');
  if (!pen) return asItIs;
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, size.width, size.height);
  pen.drawImage(picture, 0, 0, size.width, size.height);
  picture.close();
  const drawn = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
  return drawn ? { name: jpegName(file.name), file: drawn } : asItIs;
}

/** What a field of files holds. */
export function citationsOf(value: Json | undefined): Citation[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is { [key: string]: Json } => typeof one === 'object' && one !== null && !Array.isArray(one) && typeof one.id === 'string').map((one) => ({ id: String(one.id), name: String(one.name ?? one.id), type: String(one.type ?? ''), bytes: Number(one.bytes ?? 0) }));
}
