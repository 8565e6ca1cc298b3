/** A page that fails while it is drawn is told in its place; the rest of the console stays. */
import { Component, type ReactNode } from 'react';
import { Problem } from './page';

export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error('This page could not be drawn.') };
  }

  override render(): ReactNode {
    // Loaded anew, because a part of a page that an older build named is not there any more.
    return this.state.error === null ? (
      this.props.children
    ) : (
      <Problem error={this.state.error} retry={() => location.reload()} />
    );
  }
}
